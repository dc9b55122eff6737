"""Page decorators: permissions in the console, and reauthentication for sensitive actions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest, SignedInRequest, View
from accounts.second_factor.factors import has_factor
from accounts.second_factor.reauthentication import has_fresh_proof, reauthenticate
from accounts.sign_in.decorators import to_sign_in
from accounts.sign_in.next_page import with_next
from accounts.sign_in.sessions import mark_stale_if_idle


def console_page(permission: Permission, *, to_change: Permission | None = None) -> Callable[[View], View]:
    """Require a role with `permission` in the session's enterprise, and a recent second factor.

    `to_change` is required instead for methods other than GET and HEAD. Set request.enterprise and request.role, and
    activate the enterprise's time zone. A session without a second factor is redirected to the page where it is entered
    or set up, because a password or a phone alone is not enough for the console (security.md 2.2 and 6.1).
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: ConsoleRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_sign_in(request, "accounts:login")
            role = _role_in_session(request)
            if role is None:
                raise PermissionDenied
            if page := _missing_step(request):
                return to_sign_in(request, page)
            request.enterprise, request.role = role.enterprise, role
            is_safe = request.method in {"GET", "HEAD"}
            if not may(role, permission if is_safe else to_change or permission):
                raise PermissionDenied
            with timezone.override(role.enterprise.time_zone):
                return view(request, *args, **kwargs)

        return guarded

    return decorate


def fresh_page(view: View) -> View:
    """Below `console_page` or `signed_in_page`: require a reauthentication within ten minutes (security.md 6.1).

    The fields of a POST are carried through the page that asks. If second factors are not required, only users who
    have one are asked.
    """

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" and not has_fresh_proof(request):
            return to_sign_in(request, "accounts:confirm")
        return ask_again(request) or view(request, *args, **kwargs)

    return guarded


def ask_again(request: SignedInRequest) -> HttpResponse | None:
    """Return the page that asks for a proof, or None if there is a fresh one: for a POST whose content is sensitive."""
    return None if has_fresh_proof(request) else reauthenticate(request)


def fresh_download(back: str) -> Callable[[View], View]:
    """Do as `fresh_page` for a file, but return to the page `back` (a URL name with the same ids and query).

    A redirect to the file itself would leave the browser on the page that asks.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if has_fresh_proof(request):
                return view(request, *args, **kwargs)
            query = request.GET.urlencode()
            page = reverse(back, kwargs=kwargs) + (f"?{query}" if query else "")
            return HttpResponseRedirect(with_next("accounts:confirm", page))

        return guarded

    return decorate


def fresh_export(back: str) -> Callable[[View], View]:
    """Do as `fresh_action` where the answer is a file: the page that asks stays open, and leads to the page `back`."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            is_asked = request.method == "POST" and not has_fresh_proof(request)
            question = reauthenticate(request, back=reverse(back)) if is_asked else None
            return question or view(request, *args, **kwargs)

        return guarded

    return decorate


def fresh_action(view: View) -> View:
    """Do as `fresh_page`, but for POST only."""
    fresh = fresh_page(view)

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return (fresh if request.method == "POST" else view)(request, *args, **kwargs)

    return guarded


def _role_in_session(request: SignedInRequest) -> Role | None:
    # Read on each request, so that a removed role ends at once.
    roles = Role.objects.select_related("enterprise")
    return roles.filter(user=request.user, enterprise=request.session.get("enterprise")).first()


def _missing_step(request: SignedInRequest) -> str | None:
    """Return the URL name of the next sign-in step before the console, or None if none is missing."""
    session, user = request.session, request.user
    first_proof = "accounts:login_password" if user.has_usable_password() else "accounts:login"
    if time.time() - session.get("signed_in_at", 0) >= settings.ACCOUNTS_CONSOLE_SECONDS:
        return first_proof
    mark_stale_if_idle(session)
    is_stale = session.get("is_stale")
    if session.get("factor_at") and not is_stale:
        return None
    if has_factor(user):
        return "accounts:login_factor"
    if is_stale:
        return first_proof
    if settings.ACCOUNTS_SECOND_FACTOR_REQUIRED or not user.has_usable_password():
        return "accounts:factor_new"
    return None if session.get("method") == "password" else "accounts:login_password"
