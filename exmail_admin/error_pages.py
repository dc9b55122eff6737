"""Error pages that need neither session nor database."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from exmail_admin.context import BRAND, theme_of


def plain_error_page(request: HttpRequest, name: str, status: int) -> HttpResponse:
    """Render an error page without context processors, which may fail themselves."""
    page = render_to_string(f"errors/{name}.html", {"brand": BRAND, "theme": theme_of(request)})
    return HttpResponse(page, status=status)
