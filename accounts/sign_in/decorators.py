"""Pages for signed-in users."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.requests import SignedInRequest, View


def signed_in_page(view: View) -> View:
    """Require a signed-in user; redirect others to the sign-in page and back."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request, "accounts:login")
        return view(request, *args, **kwargs)

    return guarded


def to_sign_in(request: HttpRequest, page: str) -> HttpResponse:
    """Redirect to the sign-in `page`, and then back here, or to the start page after a POST."""
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': back})}")
