"""Whether a session has shown all that the person's enterprises ask for.

By an enterprise's rule a phone code may not lead in, or too much time may have passed. A session that is held back
there is signed in all the same; it must not make itself another key, such as a passkey, that would open the same door.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from accounts.requests import SignedInRequest
from core.responses import see_other

View = Callable[..., HttpResponse]
# Where a session that is held back is told what to do.
CHOICE = "directory:choose"


def is_trusted(request: HttpRequest) -> bool:
    """Whether no enterprise of this person asks the session for more."""
    floor_above: Callable[[HttpRequest], bool] = import_string(settings.ACCOUNTS_IS_TRUSTED)
    return floor_above(request)


def trusted_page(view: View) -> View:
    """Below `signed_in_page`, for what becomes or takes away a key of one's own: only in a trusted session."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if is_trusted(request) else see_other(CHOICE)

    return guarded


def inside_page(view: View) -> View:
    """Below `signed_in_page`: for who is inside an enterprise, or is held back from none."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_inside = bool(request.session.get("enterprise"))
        return view(request, *args, **kwargs) if is_inside or is_trusted(request) else see_other(CHOICE)

    return guarded
