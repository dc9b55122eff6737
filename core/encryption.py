"""Keys derived from SECRET_KEY, and the seal on what only the recipient of a message may read."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class DecryptionFailed(Exception):
    """The sealed text can't be opened: SECRET_KEY changed, or it was tampered with."""


def encrypt(secrets: dict[str, str], *, use: str = "seal") -> str:
    """Encrypted text that only this deployment can open, and only for the same use."""
    return _fernet(use).encrypt(json.dumps(secrets).encode()).decode()


def decrypt(sealed: str, *, use: str = "seal") -> dict[str, str]:
    """What `seal` was given. Raises DecryptionFailed."""
    try:
        return json.loads(_fernet(use).decrypt(sealed.encode()))
    except InvalidToken:
        raise DecryptionFailed from None


@lru_cache
def derive_key(secret_key: str, use: str) -> bytes:
    """32 bytes for one use, so that no two uses share a key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"exmail {use}".encode()).derive(secret_key.encode())


def _fernet(use: str) -> MultiFernet:
    return _fernet_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), use)


@lru_cache
def _fernet_of(secret_keys: tuple[str, ...], use: str) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(derive_key(key, use))) for key in secret_keys])
