"""Who may do what in the console: four roles, and the one decorator of its pages."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from enum import StrEnum, auto
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.requests import ConsoleRequest, SignedInRequest

View = Callable[..., HttpResponse]


class Permission(StrEnum):
    READ = auto()
    SEE_PHONES = auto()
    MANAGE_MEMBERS = auto()
    MANAGE_DEPARTMENTS = auto()
    SEND_INVITATIONS = auto()
    READ_MESSAGES = auto()
    MANAGE_SETTINGS = auto()
    MANAGE_ADMINISTRATORS = auto()
    READ_AUDIT = auto()


# A department administrator has these within their own departments only; the access functions of directory see to it.
PERMISSIONS: dict[str, set[Permission]] = {
    Role.Name.OWNER: set(Permission),
    Role.Name.ADMIN: set(Permission),
    Role.Name.DEPARTMENT_ADMIN: {Permission.READ, Permission.MANAGE_MEMBERS, Permission.SEND_INVITATIONS},
    Role.Name.AUDITOR: {Permission.READ, Permission.READ_MESSAGES, Permission.READ_AUDIT},
}


def may(role: Role, permission: Permission) -> bool:
    return permission in PERMISSIONS[role.name]


def may_give(role: Role, name: str) -> bool:
    """Whether `role` may appoint someone to `name`, and change or remove who has it.

    An owner may, owners included. An administrator may only what is below: who could make equals of themselves could,
    with one stolen session, fill the enterprise with them and turn out the rest.
    """
    ranks = list(Role.Name)
    is_below = ranks.index(Role.Name(name)) > ranks.index(Role.Name(role.name))
    return may(role, Permission.MANAGE_ADMINISTRATORS) and (role.name == Role.Name.OWNER or is_below)


def signed_in_page(view: View) -> View:
    """For anyone signed in; others are sent to sign in and come back."""

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request, "accounts:login")
        return view(request, *args, **kwargs)

    return guarded


def console_page(permission: Permission) -> Callable[[View], View]:
    """For a role with `permission` in the session's enterprise, signed in by password not too long ago.

    Sets request.enterprise and request.role; times are shown in the enterprise's zone. A code or an invitation
    proves a phone, which is not enough to administer (security.md 6.1): such a session is asked for the password.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: ConsoleRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_sign_in(request, "accounts:login")
            role = _role_in_session(request)
            if role is None:
                raise PermissionDenied
            if not _is_fresh_by_password(request):
                return to_sign_in(request, "accounts:login_password")
            request.enterprise, request.role = role.enterprise, role
            if not may(role, permission):
                raise PermissionDenied
            with timezone.override(role.enterprise.time_zone):
                return view(request, *args, **kwargs)

        return guarded

    return decorate


def fresh_page(view: View) -> View:
    """For a dangerous page, below `console_page` or `signed_in_page`: the person has shown who they are within the last
    ten minutes (security.md 6.1), else they are asked again and come back.

    Where the second factor is not required only those who have one are asked.
    """

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _has_fresh_proof(request):
            return to_sign_in(request, "accounts:login_password")
        return view(request, *args, **kwargs)

    return guarded


def fresh_deed(view: View) -> View:
    """As `fresh_page`, for a page that everyone may look at and whose POST is the dangerous part."""
    fresh = fresh_page(view)

    @functools.wraps(view)
    def guarded(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return (fresh if request.method == "POST" else view)(request, *args, **kwargs)

    return guarded


def to_sign_in(request: HttpRequest, page: str) -> HttpResponse:
    """To the sign-in `page` and back here; after a POST back to the front door, for a deed is not repeated unseen."""
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': back})}")


def _role_in_session(request: SignedInRequest) -> Role | None:
    """Read afresh on each request: a role taken away ends at once."""
    roles = Role.objects.select_related("enterprise")
    return roles.filter(user=request.user, enterprise=request.session.get("enterprise")).first()


def _has_fresh_proof(request: HttpRequest) -> bool:
    if not settings.ACCOUNTS_SECOND_FACTOR_REQUIRED:
        return True
    return time.time() - request.session.get("proved_at", 0) < settings.ACCOUNTS_REAUTH_SECONDS


def _is_fresh_by_password(request: HttpRequest) -> bool:
    session, now = request.session, time.time()
    if session.get("method") != "password" or session.get("is_stale"):
        return False
    is_fresh = (
        now - session.get("signed_in_at", 0) < settings.ACCOUNTS_CONSOLE_SECONDS
        and now - session.get("seen_at", 0) < settings.ACCOUNTS_CONSOLE_IDLE_SECONDS
    )
    if not is_fresh:
        # Else the visit itself would count as activity and the next request would pass.
        session["is_stale"] = True
    return is_fresh
