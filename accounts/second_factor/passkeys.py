"""Passkeys (WebAuthn): what a browser is asked to do, and whether its answer is right.

Every passkey of ours is found by the device itself and unlocked by its holder (a finger, a face, a PIN), so that one
can sign in with nothing else. The challenge lies in the session and is gone with the first answer to it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.db import transaction

from accounts.models import User

ANSWER_MAX = 20_000
T = TypeVar("T")


class PasskeyRefused(Exception):
    """What the browser answered proves nothing."""


def user_to_come(*, login: str, name: str) -> User:
    """Not kept, but with an id that nobody else has or will have: a device keeps it in a passkey, and the user must be
    made with it. A row taken back does that on every database."""
    with transaction.atomic():
        user = User.objects.create(login=f"to-come-{secrets.token_hex(8)}")
        id = user.pk
        user.delete()
    return User(pk=id, login=login, name=name)


def creation_options(user: User) -> dict[str, Any]:
    """For navigator.credentials.create, as JSON."""
    return auth.begin_registration(user, passwordless=True)


def read_new(text: str) -> dict[str, Any]:
    """The verified credential a device has just made, to be kept. Raises PasskeyRefused."""

    def read(credential: dict[str, Any]) -> dict[str, Any]:
        auth.parse_registration_response(credential)
        if not auth.complete_registration(credential).is_user_verified():
            raise PasskeyRefused
        return credential

    return _with_answer(text, read)


def request_options(user: User | None) -> dict[str, Any]:
    """For navigator.credentials.get, as JSON: one of the user's passkeys, or any that the device knows."""
    return auth.begin_authentication(user)


def check_answer(text: str, *, user: User | None) -> Authenticator:
    """The passkey that signed the challenge: the user's, or whose it says it is. Raises PasskeyRefused."""

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
    except Exception as error:  # whatever a parser of strangers' bytes may raise: none of it is a proof
        raise PasskeyRefused from error
    finally:
        auth.clear_state()
