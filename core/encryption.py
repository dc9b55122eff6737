"""Encryption and keyed digests with keys derived from SECRET_KEY.

After a rotation the new key encrypts and signs. The former ones, in SECRET_KEY_FALLBACKS, still read and verify.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class DecryptionFailed(Exception):
    """The text was encrypted with a key that is no longer configured, or tampered with."""


def encrypt(secrets: dict[str, str], *, use: str = "seal") -> str:
    """Return text that only `decrypt` with the same `use` can read."""
    return _fernet(use).encrypt(json.dumps(secrets).encode()).decode()


def decrypt(encrypted: str, *, use: str = "seal") -> dict[str, str]:
    """Return what was encrypted; SECRET_KEY_FALLBACKS are tried too. Raises DecryptionFailed."""
    try:
        return json.loads(_fernet(use).decrypt(encrypted.encode()))
    except InvalidToken:
        raise DecryptionFailed from None


def secret_keys() -> list[str]:
    """Return SECRET_KEY and then its predecessors."""
    return [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]


def keyed_digests(value: bytes, use: str) -> list[str]:
    """Return the HMAC-SHA256 of `value` with each of `secret_keys`. Store the first; compare with all of them."""
    return [hmac.new(derive_key(key, use), value, hashlib.sha256).hexdigest() for key in secret_keys()]


@lru_cache
def derive_key(secret_key: str, use: str) -> bytes:
    """Return 32 bytes, different for each use."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"exmail {use}".encode()).derive(secret_key.encode())


def _fernet(use: str) -> MultiFernet:
    return _cached_fernet(tuple(secret_keys()), use)


@lru_cache
def _cached_fernet(secret_keys: tuple[str, ...], use: str) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(derive_key(key, use))) for key in secret_keys])
