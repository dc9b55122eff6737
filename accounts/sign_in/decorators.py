"""Pages for signed-in users."""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.requests import SignedInRequest, View
from accounts.sign_in.next_page import with_next
from core.responses import form_page


def signed_in_page(view: View) -> View:
    """Require a signed-in user; redirect others to the sign-in page and back."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request, "accounts:login")
        return view(request, *args, **kwargs)

    return guarded


def to_sign_in(request: HttpRequest, page: str) -> HttpResponse:
    """Redirect to the sign-in `page`, and then back here: a POST is not repeated, but its form is shown again."""
    return HttpResponseRedirect(with_next(page, form_page(request) or "/"))
