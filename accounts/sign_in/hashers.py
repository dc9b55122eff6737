"""Argon2id within a small machine's means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

PATIENCE_SECONDS = 10
_places = threading.BoundedSemaphore(settings.ACCOUNTS_PASSWORDS_AT_ONCE)


class HashersBusy(Exception):
    """So many passwords are being checked that this one's turn did not come in time."""


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """OWASP's floor of memory (19 MiB, two passes), a few at once: a flood of sign-ins must not fill the machine."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _place():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _place():
            return super().verify(password, encoded)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=PATIENCE_SECONDS):
        raise HashersBusy
    try:
        yield
    finally:
        _places.release()
