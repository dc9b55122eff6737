"""The answers every page gives alike (interface.md, "Answers")."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url


def see_other(to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """303: the action is done, look there. `to` is whatever Django's `redirect` takes."""
    response = HttpResponseRedirect(resolve_url(to, *args, **kwargs))
    response.status_code = 303
    return response


def refused(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """422: the page again, with what was typed and the errors beside their fields."""
    return render(request, template, context, status=422)


def limited(request: HttpRequest, template: str, context: dict[str, Any], *, retry_after: int) -> HttpResponse:
    """429: the page again; `retry_after` in seconds says when it is worth trying."""
    response = render(request, template, context, status=429)
    response["Retry-After"] = str(max(1, retry_after))
    return response


def private(response: HttpResponse) -> HttpResponse:
    """Forbid caches to store and search engines to index a page that was opened by a personal link."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex"
    return response
