"""Passkeys (WebAuthn): options for the browser, and verification of its response.

All passkeys are discoverable and require user verification, so that one is enough to sign in. The challenge is stored
in the session until the first response.
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
    except Exception as error:  # parsers of untrusted bytes may raise anything
        raise PasskeyRefused from error
    finally:
        auth.clear_state()
