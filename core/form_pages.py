"""The page that contains a form, for requests to the form's action that can only be answered there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

View = Callable[..., HttpResponse]


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
