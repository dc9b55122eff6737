"""Argon2id with bounded concurrency."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

PATIENCE_SECONDS = 10
_slots = threading.BoundedSemaphore(settings.ACCOUNTS_PASSWORDS_AT_ONCE)


class HashersBusy(Exception):
    """Too many passwords are being hashed at the moment."""


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Hash with OWASP's minimum (19 MiB, two passes), ACCOUNTS_PASSWORDS_AT_ONCE at a time to bound memory and CPU."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _slot():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _slot():
            return super().verify(password, encoded)


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=PATIENCE_SECONDS):
        raise HashersBusy
    try:
        yield
    finally:
        _slots.release()
