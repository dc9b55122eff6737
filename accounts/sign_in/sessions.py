"""The story of a session: opened once someone is proven, carried into one enterprise, ended.

Session keys: "method" ("password", "passkey", "code", "qr", "weixin" or "invitation"), "signed_in_at" and "seen_at"
(epoch seconds), "weixin" (accounts.wechat.bindings), "enterprise" (id), "is_stale" (the console wants another proof),
"factor_at" (when a second factor was proven here) and "proved_at" (when the person last showed afresh who they are: a
password, a factor, a code sent for that; epoch seconds); before there is a user "proven_phone" and "proven_at".
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.actors import set_actor
from accounts.clients import browser_of, renew_browser
from accounts.membership import get_membership
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest
from accounts.sign_in.known_browsers import note_browser
from accounts.sign_in.session_keys import personal_keys

BACKEND = "django.contrib.auth.backends.ModelBackend"
SEEN_EVERY_SECONDS = 60
# Session keys that are deleted at every sign-in, besides those that later apps register.
PERSONAL_KEYS = ("proven_phone", "proven_at", "is_stale", "factor_at", "proved_at", LOGIN_SESSION_KEY)
# Who came in by these has shown who they are, but no phone.
PROVE_NO_PHONE = {"password", "passkey"}


def open_session(request: PublicRequest, user: User, *, method: str, enterprise: Enterprise | None = None) -> None:
    """Sign `user` in, in a session with a new key, and enter `enterprise` if that is allowed.

    Without one, enter the person's only enterprise, if there is just one and nothing to choose.
    """
    if request.user != user:
        request.session.pop("enterprise", None)
    for key in (*PERSONAL_KEYS, *personal_keys()):
        request.session.pop(key, None)
    login(request, user, backend=BACKEND)
    request.session["method"] = method
    request.session["signed_in_at"] = request.session["seen_at"] = int(time.time())
    if method in PROVE_NO_PHONE:
        request.session["proved_at"] = request.session["signed_in_at"]
    if method == "passkey":
        request.session["factor_at"] = request.session["signed_in_at"]
    set_actor(request)
    UserSession.objects.create_from_request(request)
    if enterprise:
        get_membership().enter_if_allowed(request, enterprise)
    else:
        get_membership().enter_only_enterprise(request)


def raise_session(request: HttpRequest, *, by_factor: bool) -> None:
    """The session's person has just shown again who they are: it may more from now on, under a new key."""
    session, now = request.session, int(time.time())
    renew_key(request)
    session["proved_at"] = now
    if by_factor:
        session["factor_at"] = now
        session.pop("is_stale", None)


def renew_key(request: HttpRequest) -> None:
    """A new key for a session that may more from now on; its device is found under it, to be ended like any other."""
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """After a change of `user`'s own password, which else would end this session with the others."""
    before = request.session.session_key
    update_session_auth_hash(request, user)
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def prove_phone(request: PublicRequest, phone: str) -> None:
    """`phone` (E.164) was proven by a code: sign its user in, or keep the proof for a while for who has no user yet."""
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
    """The phone (E.164) this browser's person has proven: the signed-in user's, or one proven just now."""
    if request.user.is_authenticated:
        return str(request.user.phone) if request.user.phone else None
    age = time.time() - request.session.get("proven_at", 0)
    return request.session.get("proven_phone") if age < settings.ACCOUNTS_PROOF_SECONDS else None


def enter_enterprise(request: HttpRequest, enterprise: Enterprise) -> None:
    """Carry the session into `enterprise`. The caller has made sure the user belongs there and records it.

    The browser is known there from now on (accounts.sign_in.known_browsers).
    """
    request.session["enterprise"] = enterprise.pk
    assert isinstance(request.user, User)
    mark = note_browser(request.user, enterprise, browser=browser_of(request))
    renew_browser(request)
    _note_session(request, data={"enterprise": enterprise.pk, "browser": mark})


def current_enterprise(request: HttpRequest) -> Enterprise | None:
    """The session's enterprise. That someone once entered it says nothing of today's role or membership."""
    id = request.session.get("enterprise")
    return Enterprise.objects.filter(pk=id).first() if id else None


def end_session(request: HttpRequest) -> None:
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
    set_actor(request)


def end_sessions(*users: User, enterprise: Enterprise | None = None, except_key: str | None = None) -> int:
    """End these users' sessions, all or those in `enterprise`, and return how many there were.

    Their next request is anonymous. `except_key` is the key of a session that stays.
    """
    sessions = UserSession.objects.filter(user__in=users).exclude(session_key=except_key or "")
    return delete_sessions(sessions.filter(data__enterprise=enterprise.pk) if enterprise else sessions)


def delete_sessions(sessions: QuerySet[UserSession]) -> int:
    """Delete these sessions, as allauth's `UserSession.end` does for one, and return how many there were.

    The rows of UserSession are locked in key order, and before those of Session, as `end_session` does. Few statements
    delete them all: one for Session, and one for each 100 of UserSession, whose deletion cascades.
    """
    with transaction.atomic():
        keys = dict(sessions.select_for_update().order_by("pk").values_list("pk", "session_key"))
        UserSession.objects.filter(pk__in=keys).delete()
        Session.objects.filter(session_key__in=list(keys.values())).delete()
    return len(keys)


def keep_session(request: HttpRequest) -> None:
    """Once a request is answered: note that its session was seen, not more than once a minute."""
    session, now = request.session, int(time.time())
    if not session.get("signed_in_at") or now - session.get("seen_at", 0) < SEEN_EVERY_SECONDS:
        return
    note_idle(session)
    session["seen_at"] = now
    _note_session(request)


def note_idle(session: SessionBase) -> None:
    """A session that was in the console and too long unused is stale, whichever page it comes to first: else that visit
    would count as activity, and the console's own page would pass."""
    was_inside = session.get("factor_at") or session.get("method") == "password"
    if was_inside and time.time() - session.get("seen_at", 0) >= settings.ACCOUNTS_CONSOLE_IDLE_SECONDS:
        session["is_stale"] = True


def expire_session(request: HttpRequest) -> None:
    """End a session that is too old or was too long unused (security.md 1.2: 14 days, 7 days idle)."""
    session, now = request.session, time.time()
    signed_in_at = session.get("signed_in_at")
    if signed_in_at is None:
        return
    is_old = now - signed_in_at >= settings.ACCOUNTS_SESSION_SECONDS
    if is_old or now - session.get("seen_at", 0) >= settings.ACCOUNTS_SESSION_IDLE_SECONDS:
        end_session(request)


def delete_expired_sessions() -> None:
    """Delete sessions that have expired, with their rows of UserSession, and such rows without a session."""
    now = timezone.now()
    current = Session.objects.filter(expire_date__gte=now)
    delete_sessions(UserSession.objects.exclude(session_key__in=current.values("session_key")))
    # Those of nobody who is signed in, which have no row of UserSession.
    Session.objects.filter(expire_date__lt=now).delete()


def _note_session(request: HttpRequest, **fields: Any) -> None:
    from_now = {"last_seen_at": timezone.now(), **fields}
    UserSession.objects.filter(session_key=request.session.session_key).update(**from_now)
