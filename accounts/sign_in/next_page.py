"""The `next` parameter: the page to return to after signing in."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def next_of(request: HttpRequest) -> str:
    """Return `next` from the form or the query if it is a local path, else ""."""
    page = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=settings.IS_HTTPS
    )
    return page if is_ours else ""


def with_next(page: str, next_page: str, *ids: str) -> str:
    """Return the URL of `page` (a URL name, with its ids) with `next_page` in its query."""
    address = reverse(page, args=ids)
    return f"{address}?{urlencode({'next': next_page})}" if next_page else address
