"""Wake a worker by a task without arguments. A wake-up may be lost: the sweep finds what still waits."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from kombu.pools import producers

# A hanging broker delays a request by at most this long, at most once in PAUSE_SECONDS.
PUBLISH_SECONDS = 0.8
PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)
_quiet_until = 0.0


def wake_worker(task: str) -> None:
    """Publish a task without arguments. Never raises, and waits at most PUBLISH_SECONDS for each step."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        _send(task)
    except Exception as error:  # any error of any broker: the row is safe, and the sweep finds it
        _quiet_until = time.monotonic() + PAUSE_SECONDS
        log.warning("wakeup_lost", extra={"task": task, "error": type(error).__name__})


@contextmanager
def without_wakeups() -> Iterator[None]:
    """Publish nothing in this block, for work that is queued before a worker or broker runs: the sweep finds it."""
    global _quiet_until
    before, _quiet_until = _quiet_until, math.inf
    try:
        yield
    finally:
        _quiet_until = before


def _send(task: str) -> None:
    options = {
        **current_app.conf.broker_transport_options,
        "socket_timeout": PUBLISH_SECONDS,
        "socket_connect_timeout": PUBLISH_SECONDS,
        "max_retries": 0,
    }
    with producers[current_app.connection_for_write(transport_options=options)].acquire(timeout=1) as producer:
        current_app.send_task(task, producer=producer, retry=False, ignore_result=True)
