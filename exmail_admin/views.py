"""Language, theme and error pages."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from exmail_admin.context import BRAND, THEME_COOKIE, THEMES, theme_of


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Store the language in a cookie, and redirect back."""
    answer = back(request)
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES):
        keep(answer, settings.LANGUAGE_COOKIE_NAME, code)
    return answer


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Store the theme in a cookie, and redirect back. The page's script has already applied it."""
    answer = back(request)
    name = request.POST.get("theme", "")
    if name in THEMES:
        keep(answer, THEME_COOKIE, name)
    return answer


def back(request: HttpRequest) -> HttpResponse:
    """Redirect to `next` if it is on this host, else to the start page."""
    to = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure())
    return HttpResponse(status=303, headers={"Location": to if is_ours else "/"})


def keep(answer: HttpResponse, name: str, value: str) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def error_page(request: HttpRequest, name: str, status: int) -> HttpResponse:
    """Render an error page, in the console's layout for a user with a role."""
    layout = "layouts/console.html" if getattr(request, "role", None) else "layouts/public.html"
    return render(request, f"errors/{name}.html", {"error_layout": layout}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "bad_request", 400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(request, "csrf_failure", 403)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "permission_denied", 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "not_found", 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Render without context processors, which may fail again if the database does."""
    page = render_to_string("errors/server_error.html", {"brand": BRAND, "theme": theme_of(request)})
    return HttpResponse(page, status=500)
