"""Who may do what in the console: four roles, the one decorator of its pages, and two for dangerous actions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest, SignedInRequest, View
from accounts.second_factor.factors import has_factor
from accounts.second_factor.reauthentication import ask_again, has_fresh_proof
from accounts.sign_in.decorators import to_sign_in
from accounts.sign_in.next_page import with_next
from accounts.sign_in.sessions import note_idle


def console_page(permission: Permission, *, to_change: Permission | None = None) -> Callable[[View], View]:
    """For a role with `permission` in the session's enterprise, proven by a second factor not too long ago.

    `to_change`: what it takes instead to do more than look, where a page has both.

    Sets request.enterprise and request.role; times are shown in the enterprise's zone. A password or a phone alone is
    not enough to administer (security.md 2.2 and 6.1): such a session is asked for the factor, or led to set one up.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: ConsoleRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_sign_in(request, "accounts:login")
            role = _role_in_session(request)
            if role is None:
                raise PermissionDenied
            if step := _step_before_console(request):
                return to_sign_in(request, step)
            request.enterprise, request.role = role.enterprise, role
            is_looking = request.method in {"GET", "HEAD"}
            if not may(role, permission if is_looking else to_change or permission):
                raise PermissionDenied
            with timezone.override(role.enterprise.time_zone):
                return view(request, *args, **kwargs)

        return guarded

    return decorate


def fresh_page(view: View) -> View:
    """For a dangerous page, below `console_page` or `signed_in_page`: the person has shown who they are within the last
    ten minutes (security.md 6.1), else they are asked again and come back.

    What was already sent waits in the page that asks, and is done with the proof. Where the second factor is not
    required only those who have one are asked.
    """

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if has_fresh_proof(request):
            return view(request, *args, **kwargs)
        if request.method != "POST":
            return to_sign_in(request, "accounts:confirm")
        return ask_again(request) or view(request, *args, **kwargs)

    return guarded


def fresh_download(back: str) -> Callable[[View], View]:
    """As `fresh_page`, for a file: who was asked comes back to the page `back` (a URL name, with the same ids and
    query), whose button brings it; a browser that is sent to a file shows no other page."""

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


def fresh_action(view: View) -> View:
    """As `fresh_page`, for a page that everyone may look at and whose POST is the dangerous part."""
    fresh = fresh_page(view)

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return (fresh if request.method == "POST" else view)(request, *args, **kwargs)

    return guarded


def _role_in_session(request: SignedInRequest) -> Role | None:
    """Read afresh on each request: a role taken away ends at once."""
    roles = Role.objects.select_related("enterprise")
    return roles.filter(user=request.user, enterprise=request.session.get("enterprise")).first()


def _step_before_console(request: SignedInRequest) -> str | None:
    """The page that still stands between this session and the console; None: it may in."""
    session, user = request.session, request.user
    first_proof = "accounts:login_password" if user.has_usable_password() else "accounts:login"
    if time.time() - session.get("signed_in_at", 0) >= settings.ACCOUNTS_CONSOLE_SECONDS:
        return first_proof
    is_stale = _is_stale(session)
    if session.get("factor_at") and not is_stale:
        return None
    if has_factor(user):
        return "accounts:login_factor"
    if is_stale:
        return first_proof
    if settings.ACCOUNTS_SECOND_FACTOR_REQUIRED or not user.has_usable_password():
        return "accounts:factor_new"
    return None if session.get("method") == "password" else "accounts:login_password"


def _is_stale(session: SessionBase) -> bool:
    """Whether a session that was in the console was too long unused."""
    note_idle(session)
    return bool(session.get("is_stale"))
