"""Responses that all pages share."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url


def see_other(to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Redirect with 303 after an action. `to` is anything that Django's `redirect` takes."""
    response = HttpResponseRedirect(resolve_url(to, *args, **kwargs))
    response.status_code = 303
    return response


def unprocessable(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render the form again with its errors, with status 422."""
    return render(request, template, context, status=422)


def too_many_requests(
    request: HttpRequest, template: str, context: dict[str, Any], *, retry_after: int
) -> HttpResponse:
    """Render the page again with status 429; `retry_after` is in seconds."""
    response = render(request, template, context, status=429)
    response["Retry-After"] = str(max(1, retry_after))
    return response


def private(response: HttpResponse) -> HttpResponse:
    """Forbid caches to store and search engines to index a page that was opened by a personal link."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex"
    return response
