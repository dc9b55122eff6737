"""Passkeys (WebAuthn): options for the browser, and verification of its response.

All passkeys are discoverable and require user verification, so that one is enough to sign in. The challenge is stored
in the session until the first response, or for a visitor without a session in a signed cookie.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User
from sms.models import UsedChallenge

ANSWER_MAX = 20_000
CHALLENGE_COOKIE = "__Host-passkey" if settings.IS_HTTPS else "passkey"
CHALLENGE_SECONDS = 300  # enough to find the device; a used challenge is stored longer (SMS_WORK_SECONDS)
T = TypeVar("T")


class PasskeyRefused(Exception):
    """The browser's response is not valid."""


def reserve_user(*, login: str, name: str) -> User:
    """Return an unsaved user with a reserved id, which a passkey stores before the user is created.

    A created and deleted row reserves the id on every database.
    """
    with transaction.atomic():
        user = User.objects.create(login=f"to-come-{secrets.token_hex(8)}")
        id = user.pk
        user.delete()
    return User(pk=id, login=login, name=name)


def creation_options(user: User) -> dict[str, Any]:
    """Return the options for navigator.credentials.create."""
    return auth.begin_registration(user, passwordless=True)


def verify_registration(text: str) -> dict[str, Any]:
    """Return the new credential, verified. Raise PasskeyRefused."""

    def read(credential: dict[str, Any]) -> dict[str, Any]:
        auth.parse_registration_response(credential)
        if not auth.complete_registration(credential).is_user_verified():
            raise PasskeyRefused
        return credential

    return _with_answer(text, read)


def request_options(user: User | None) -> dict[str, Any]:
    """Return the options for navigator.credentials.get, for the user's passkeys or for any."""
    return auth.begin_authentication(user)


def move_challenge_to_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Keep the challenge in a signed cookie if the visitor has no session, so that strangers leave no rows."""
    if request.session.session_key is None:
        response.set_signed_cookie(
            CHALLENGE_COOKIE,
            json.dumps(request.session.pop(auth.STATE_SESSION_KEY)),
            max_age=CHALLENGE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def restore_challenge(request: HttpRequest) -> None:
    """Take the challenge from the cookie, if it isn't in the session."""
    stored = request.get_signed_cookie(CHALLENGE_COOKIE, default="", max_age=CHALLENGE_SECONDS)
    if request.session.session_key is None and stored:
        request.session[auth.STATE_SESSION_KEY] = json.loads(stored)


def spend_challenge(request: HttpRequest) -> None:
    """Use up the challenge of the cookie, which a session would have deleted. Raise PasskeyRefused the second time."""
    stored = request.get_signed_cookie(CHALLENGE_COOKIE, default="", max_age=CHALLENGE_SECONDS)
    nonce = hashlib.sha256((stored or "").encode()).hexdigest()[:16]
    if stored and not UsedChallenge.objects.get_or_create(nonce=nonce, defaults={"spent_at": timezone.now()})[1]:
        raise PasskeyRefused


def verify_assertion(text: str, *, user: User | None) -> Authenticator:
    """Return the passkey that signed the challenge, of `user` or of the user it names. Raise PasskeyRefused."""

    def check(answer: dict[str, Any]) -> Authenticator:
        auth.parse_authentication_response(answer)
        return auth.complete_authentication(user or auth.extract_user_from_response(answer), answer)

    row = _with_answer(text, check)
    if not row.user.is_active:
        raise PasskeyRefused
    row.record_usage()
    return row


def _with_answer(text: str, read: Callable[[dict[str, Any]], T]) -> T:
    try:
        return read(json.loads(text[:ANSWER_MAX]))
    except DatabaseError:
        raise
    except Exception as error:  # parsers of untrusted bytes may raise anything
        raise PasskeyRefused from error
    finally:
        auth.clear_state()
