"""Wake a worker. A wake-up carries nothing and may be lost: the sweeper finds what was forgotten."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from kombu.pools import producers

# A broker that hangs costs a request at most this long, once in PAUSE_SECONDS.
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
    except Exception as error:  # any broker's any error: the row is safe, the sweeper will find it
        _quiet_until = time.monotonic() + PAUSE_SECONDS
        log.warning("wakeup_lost", extra={"task": task, "error": type(error).__name__})


@contextmanager
def without_wakeups() -> Iterator[None]:
    """Publish nothing, for work that is queued before any worker or broker runs: the sweeper finds it."""
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
