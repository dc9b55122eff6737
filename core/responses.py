"""Responses that all pages share."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url


def see_other(to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Redirect with 303 after an action. `to` is anything that Django's `redirect` takes."""
    response = HttpResponseRedirect(resolve_url(to, *args, **kwargs))
    response.status_code = 303
    return response


def unprocessable(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render the form again with its errors, the first of which has the focus, with status 422."""
    _focus_error(context)
    return render(request, template, context, status=422)


def too_many_requests(
    request: HttpRequest, template: str, context: dict[str, Any], *, retry_after: int
) -> HttpResponse:
    """Render the page again with status 429; `retry_after` is in seconds."""
    _focus_error(context)
    response = render(request, template, context, status=429)
    response["Retry-After"] = str(max(1, retry_after))
    return response


def private(response: HttpResponse) -> HttpResponse:
    """Forbid caches to store and search engines to index a page that was opened by a personal link."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex"
    return response


def _focus_error(context: dict[str, Any]) -> None:
    """Move the focus from the form's first field to the first one with an error, such as a wrong password."""
    form: BaseForm | None = context.get("form")
    invalid = next((field.name for field in form.visible_fields() if field.errors), "") if form else ""
    if form and invalid:
        for name, field in form.fields.items():
            field.widget.attrs["autofocus"] = name == invalid
