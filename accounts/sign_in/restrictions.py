"""Page decorators that keep out restricted sessions (accounts.membership).

A session is restricted if a rule of one of the person's enterprises requires a stronger sign-in. It must not create a
credential, such as a passkey, that would get around the rule.
"""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpResponse

from accounts.membership import get_membership
from accounts.requests import SignedInRequest, View
from core.responses import see_other

# The page that tells the user of a restricted session what to do.
CHOICE = "directory:choose"


def unrestricted_page(view: View) -> View:
    """Below `signed_in_page`: allow a page that creates or removes a person's credentials to unrestricted sessions."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_allowed = get_membership().session_is_unrestricted(request)
        return view(request, *args, **kwargs) if is_allowed else see_other(CHOICE)

    return guarded


def inside_page(view: View) -> View:
    """Below `signed_in_page`: allow a page to sessions inside an enterprise, and to unrestricted ones outside."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_allowed = bool(request.session.get("enterprise")) or get_membership().session_is_unrestricted(request)
        return view(request, *args, **kwargs) if is_allowed else see_other(CHOICE)

    return guarded
