"""Deeds of several hands at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection


def at_once(*actions: Callable[[], Any], refusals: tuple[type[Exception], ...] = ()) -> list[Any]:
    """What each returned, or which of the `refusals` it met; any other error is raised."""
    gate = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return action()
        except refusals as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))
