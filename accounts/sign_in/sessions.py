"""Open, enter, elevate and end sessions.

Session keys (times in epoch seconds): "method" ("password", "passkey", "code", "qr", "wechat" or "invitation"),
"signed_in_at", "seen_at", "enterprise" (id), "wechat" (accounts.wechat.bindings), "is_stale" (the console requires
another sign-in), "factor_at" (the last second factor) and "proved_at" (the last password, second factor or
reauthentication code). Before there is a user: "proven_phone" and "proven_at".
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.actors import set_actor
from accounts.clients import browser_secret, renew_browser
from accounts.membership import get_membership
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest
from accounts.sign_in.known_browsers import remember_browser
from accounts.sign_in.session_keys import personal_keys

BACKEND = "django.contrib.auth.backends.ModelBackend"
TOUCH_SECONDS = 60
# Session keys that are deleted at every sign-in, besides those that later apps register.
PERSONAL_KEYS = ("proven_phone", "proven_at", "is_stale", "factor_at", "proved_at", LOGIN_SESSION_KEY)
# Sign-in methods that prove no phone.
PHONELESS_METHODS = {"password", "passkey"}


def open_session(request: PublicRequest, user: User, *, method: str, enterprise: Enterprise | None = None) -> None:
    """Sign `user` in with a new session key, and enter `enterprise` if allowed, or the person's only enterprise."""
    if request.user != user:
        request.session.pop("enterprise", None)
    for key in (*PERSONAL_KEYS, *personal_keys()):
        request.session.pop(key, None)
    login(request, user, backend=BACKEND)
    request.session["method"] = method
    request.session["signed_in_at"] = request.session["seen_at"] = int(time.time())
    if method in PHONELESS_METHODS:
        request.session["proved_at"] = request.session["signed_in_at"]
    if method == "passkey":
        request.session["factor_at"] = request.session["signed_in_at"]
    set_actor(request)
    UserSession.objects.create_from_request(request)
    if enterprise:
        get_membership().enter_if_allowed(request, enterprise)
    else:
        get_membership().enter_only_enterprise(request)


def elevate_session(request: HttpRequest, *, by_factor: bool) -> None:
    """Mark the session as reauthenticated, and give it a new key. Raise SessionInterrupted."""
    session, now = request.session, int(time.time())
    renew_key(request)
    session["proved_at"] = now
    if by_factor:
        session["factor_at"] = now
        session.pop("is_stale", None)


def renew_key(request: HttpRequest) -> None:
    """Give the session a new key, because its privileges have grown. Raise SessionInterrupted."""
    with _changing_key(request):
        request.session.cycle_key()


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """Keep this session after a change of `user`'s password, which ends all others. Raise SessionInterrupted."""
    with _changing_key(request):
        update_session_auth_hash(request, user)


@contextmanager
def _changing_key(request: HttpRequest) -> Iterator[None]:
    """Let the body change the session's key, and store it in the session's UserSession.

    Both rows are locked, so that `delete_sessions` at the same time finds either the old key or the new one. If it was
    faster, raise SessionInterrupted.
    """
    key = request.session.session_key
    with transaction.atomic():
        rows = list(UserSession.objects.select_for_update().filter(session_key=key))
        if key and not Session.objects.select_for_update().filter(session_key=key).first():
            raise SessionInterrupted("The session was ended by another request.")
        yield
        for row in rows:
            row.session_key = request.session.session_key
            row.save(update_fields=["session_key"])


def prove_phone(request: PublicRequest, phone: str) -> None:
    """Sign in the user of `phone` (E.164), which a code has proven. Without a user, store the proof in the session."""
    user = User.objects.filter(phone=phone, is_active=True).first()
    if user:
        return open_session(request, user, method="code")
    if request.user.is_authenticated:
        end_session(request)
    request.session.cycle_key()
    request.session["proven_phone"] = phone
    request.session["proven_at"] = int(time.time())
    get_membership().enter_only_enterprise(request)
    return None


def proven_phone(request: HttpRequest) -> str | None:
    """Return the signed-in user's phone (E.164), or the one that a visitor has proven recently."""
    if request.user.is_authenticated:
        return str(request.user.phone) if request.user.phone else None
    age = time.time() - request.session.get("proven_at", 0)
    return request.session.get("proven_phone") if age < settings.ACCOUNTS_PROOF_SECONDS else None


def enter_enterprise(request: HttpRequest, enterprise: Enterprise) -> None:
    """Enter `enterprise`, in which the browser is known from now on. The caller checks access and records it."""
    request.session["enterprise"] = enterprise.pk
    assert isinstance(request.user, User)
    mark = remember_browser(request.user, enterprise, browser=browser_secret(request))
    renew_browser(request)
    _update_user_session(request, data={"enterprise": enterprise.pk, "browser": mark})


def current_enterprise(request: HttpRequest) -> Enterprise | None:
    """Return the enterprise that the session entered; the user may have lost access since."""
    id = request.session.get("enterprise")
    return Enterprise.objects.filter(pk=id).first() if id else None


def end_session(request: HttpRequest) -> None:
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
    set_actor(request)


def end_sessions(*users: User, enterprise: Enterprise | None = None, except_key: str | None = None) -> int:
    """End these users' sessions, all or those in `enterprise`, except the one with the key `except_key`.

    Return how many ended.
    """
    sessions = UserSession.objects.filter(user__in=users).exclude(session_key=except_key or "")
    return delete_sessions(sessions.filter(data__enterprise=enterprise.pk) if enterprise else sessions)


def delete_sessions(sessions: QuerySet[UserSession]) -> int:
    """Delete these sessions with few statements, as allauth's `UserSession.end` does for one. Return how many.

    Rows of UserSession are locked in key order and before those of Session.
    """
    with transaction.atomic():
        keys = dict(sessions.select_for_update().order_by("pk").values_list("pk", "session_key"))
        UserSession.objects.filter(pk__in=keys).delete()
        Session.objects.filter(session_key__in=list(keys.values())).delete()
    return len(keys)


def touch_session(request: HttpRequest) -> None:
    """Store that the session was used, at most once per TOUCH_SECONDS."""
    session, now = request.session, int(time.time())
    if not session.get("signed_in_at") or now - session.get("seen_at", 0) < TOUCH_SECONDS:
        return
    mark_stale_if_idle(session)
    session["seen_at"] = now
    _update_user_session(request)


def mark_stale_if_idle(session: SessionBase) -> None:
    """Mark a console session that was idle for too long. Call it before `seen_at` is updated by a page elsewhere."""
    may_administer = session.get("factor_at") or session.get("method") == "password"
    if may_administer and time.time() - session.get("seen_at", 0) >= settings.ACCOUNTS_CONSOLE_IDLE_SECONDS:
        session["is_stale"] = True


def expire_session(request: HttpRequest) -> None:
    """End a session that is too old or was idle for too long (security.md 1.2)."""
    session, now = request.session, time.time()
    signed_in_at = session.get("signed_in_at")
    if signed_in_at is None:
        return
    is_old = now - signed_in_at >= settings.ACCOUNTS_SESSION_SECONDS
    if is_old or now - session.get("seen_at", 0) >= settings.ACCOUNTS_SESSION_IDLE_SECONDS:
        end_session(request)


def delete_expired_sessions() -> None:
    """Delete expired sessions with their rows of UserSession, and rows of UserSession without a session."""
    now = timezone.now()
    current = Session.objects.filter(expire_date__gte=now)
    delete_sessions(UserSession.objects.exclude(session_key__in=current.values("session_key")))
    # Sessions of visitors, which have no UserSession.
    Session.objects.filter(expire_date__lt=now).delete()


def _update_user_session(request: HttpRequest, **fields: Any) -> None:
    UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=timezone.now(), **fields)
