"""Hints wake a worker. They carry nothing and may be lost: the sweeper finds what was forgotten."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from django.db import connection, transaction
from kombu.pools import producers

from sms.models import Message

DELIVER_CODES = "sms.tasks.deliver_codes"
DELIVER_MESSAGES = "sms.tasks.deliver_messages"
# A broker that hangs may cost a request this much, once in so many seconds.
PUBLISH_SECONDS = 0.8
PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)
_quiet_until = 0.0


def hint_on_commit(kind: str) -> None:
    """Once this transaction is committed a worker is woken, once however many messages were queued in it."""
    hint = hint_codes if kind == Message.Kind.CODE else hint_messages
    if not any(entry[1] is hint for entry in connection.run_on_commit):
        transaction.on_commit(hint)


def hint_codes() -> None:
    """Wake a worker for one-time codes. Never raises, never waits longer than PUBLISH_SECONDS for each step."""
    _publish(DELIVER_CODES)


def hint_messages() -> None:
    """Wake a worker for all other messages."""
    _publish(DELIVER_MESSAGES)


def hint_work(task: str) -> None:
    """Wake a worker for work that a floor above keeps in rows of its own."""
    _publish(task)


@contextmanager
def without_hints() -> Iterator[None]:
    """For work that is queued before any worker lives, or any broker: the sweeper finds it."""
    global _quiet_until
    before, _quiet_until = _quiet_until, math.inf
    try:
        yield
    finally:
        _quiet_until = before


def _publish(task: str) -> None:
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        _send(task)
    except Exception as error:  # any broker's any error: the row is safe, the sweeper will find it
        _quiet_until = time.monotonic() + PAUSE_SECONDS
        log.warning("hint_lost", extra={"task": task, "error": type(error).__name__})


def _send(task: str) -> None:
    options = {
        **current_app.conf.broker_transport_options,
        "socket_timeout": PUBLISH_SECONDS,
        "socket_connect_timeout": PUBLISH_SECONDS,
        "max_retries": 0,
    }
    with producers[current_app.connection_for_write(transport_options=options)].acquire(timeout=1) as producer:
        current_app.send_task(task, producer=producer, retry=False, ignore_result=True)
