"""Locks by name, for what has no row to lock."""

from __future__ import annotations

import hashlib

from django.db import connection


def advisory_lock(name: str) -> None:
    """Lock `name` until the transaction ends. On SQLite the transaction itself locks the database."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
