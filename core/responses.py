"""Responses that all pages share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

View = Callable[..., HttpResponse]


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


def post_only(page: str = "") -> Callable[[View], View]:
    """Require POST. `page` is the path or URL name of the page with the form; a GET is redirected there.

    The URL takes the same arguments as the action's, or none. An action of scripts has no page and refuses a GET.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if page and request.method in {"GET", "HEAD"}:
                # The message would open a session for a stranger who has none, at each request.
                if request.session.keys():
                    messages.info(request, _("Nothing was changed. Use the buttons on this page."))
                return redirect(form_page(request))
            return HttpResponseNotAllowed(["POST"])

        # Decorators above copy it, so that it is found at the resolved view.
        guarded.form_page = page  # type: ignore[attr-defined]
        return guarded

    return decorate


def form_page(request: HttpRequest) -> str:
    """Return the URL of the page whose form posts to this URL: usually the same URL; "" for an action of scripts."""
    match = request.resolver_match
    page = getattr(match.func, "form_page", None) if match else None
    if match is None or page is None:
        return request.get_full_path()
    if not page:
        return ""
    try:
        return reverse(page, kwargs=match.kwargs)
    except NoReverseMatch:
        return resolve_url(page)


def _focus_error(context: dict[str, Any]) -> None:
    """Move the focus from the form's first field to the first one with an error, such as a wrong password."""
    form: BaseForm | None = context.get("form")
    invalid = next((field.name for field in form.visible_fields() if field.errors), "") if form else ""
    if form and invalid:
        for name, field in form.fields.items():
            field.widget.attrs["autofocus"] = name == invalid
