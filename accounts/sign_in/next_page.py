"""Where a person wanted to go before we asked who they are."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def next_of(request: HttpRequest) -> str:
    """The `next` of the form or the address if it is a path of ours, else nothing (no open redirect)."""
    page = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=settings.IS_HTTPS
    )
    return page if is_ours else ""


def with_next(page: str, next_page: str, *ids: str) -> str:
    """The address of `page` (a URL name, with what its path takes) that remembers `next_page`."""
    address = reverse(page, args=ids)
    return f"{address}?{urlencode({'next': next_page})}" if next_page else address
