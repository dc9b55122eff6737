"""Callbacks after a commit."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection, transaction


def on_commit_once(callback: Callable[[], object]) -> None:
    """Call `callback` after the commit, once for all equal callbacks that are registered in the transaction."""
    if not any(entry[1] == callback for entry in connection.run_on_commit):
        transaction.on_commit(callback)
