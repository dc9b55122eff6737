"""Wake the workers of the outbox. Codes have their own worker, so that they don't wait behind a batch."""

from __future__ import annotations

from core.transactions import on_commit_once
from core.wakeups import wake_worker
from sms.models import Message

DELIVER_CODES = "sms.tasks.deliver_codes"
DELIVER_MESSAGES = "sms.tasks.deliver_messages"


def wake_on_commit(kind: str) -> None:
    """Wake a worker when the transaction commits, once for all messages queued in it."""
    on_commit_once(wake_codes if kind == Message.Kind.CODE else wake_messages)


def wake_codes() -> None:
    """Wake a worker for one-time codes."""
    wake_worker(DELIVER_CODES)


def wake_messages() -> None:
    """Wake a worker for all other messages."""
    wake_worker(DELIVER_MESSAGES)
