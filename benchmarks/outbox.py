"""Measure the outbox against the lower bound, which is one UPDATE of the same rows (performance.md, "Messages")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from django.test.utils import override_settings
from django.utils import timezone

from benchmarks.measuring import database_cpu_seconds, own_database
from sms.gateways import sent
from sms.models import Message
from sms.outbox import delivery
from sms.outbox import queue as outbox
from sms.outbox.queue import MessageRequest, queue_messages

ALL = [Message.Kind.CODE, Message.Kind.DECISION, Message.Kind.INVITATION]
BATCH = 500


@dataclass(frozen=True)
class Figure:
    """Messages per second, and per second of CPU time (ours and the database backend's)."""

    name: str
    per_second: float
    per_cpu_second: float


def measure_outbox(messages: int, rounds: int) -> list[Figure]:
    """Return the medians of `rounds` interleaved rounds, in a database of its own."""
    with own_database() as (folder, _url), override_settings(SMS_FILE=folder / "sms.jsonl", SMS_GATEWAY="file"):
        measured = [
            [_measure(name, prepare, action, messages) for name, prepare, action in CASES] for _ in range(rounds)
        ]
    return [_median_of([figures[number] for figures in measured]) for number in range(len(CASES))]


def update_once(messages: int) -> None:
    """Update all rows at once: the lower bound."""
    Message.objects.all().update(state=Message.State.SENT, encrypted="", settled_at=timezone.now())


def claim_and_record(messages: int) -> None:
    """Claim in batches and record outcomes, without sending."""
    while (claim := outbox.claim_messages("invitation", "file", limit=BATCH)).messages:
        outbox.record_outcomes([(message, sent()) for message in claim.messages])


def claim_row_by_row(messages: int) -> None:
    """Claim one row at a time, for a fiftieth of the rows."""
    for _ in range(messages // 50):
        claim = outbox.claim_messages("invitation", "file", limit=1)
        outbox.record_outcomes([(message, sent()) for message in claim.messages])


def deliver(messages: int) -> None:
    """Do all that a worker does: claim, decrypt, render, append to the file, record."""
    while delivery.deliver_messages(ALL):
        pass


def queue(messages: int) -> None:
    """Do all that a request does: encrypt, render, insert."""
    for start in range(0, messages, BATCH):
        queue_messages([_message_request(number) for number in range(start, min(start + BATCH, messages))])


def queue_and_deliver(messages: int) -> None:
    queue(messages)
    deliver(messages)


def nothing(messages: int) -> None:
    """Prepare nothing."""


CASES: list[tuple[str, Callable[[int], None], Callable[[int], None]]] = [
    ("limit: one UPDATE", queue, update_once),
    ("claimed row by row", queue, claim_row_by_row),
    ("claim and record", queue, claim_and_record),
    ("deliver to the file", queue, deliver),
    ("queue", nothing, queue),
    ("queue and deliver", nothing, queue_and_deliver),
]


def _measure(name: str, prepare: Callable[[int], None], action: Callable[[int], None], messages: int) -> Figure:
    Message.objects.all().delete()
    prepare(messages)
    moved = messages // 50 if action is claim_row_by_row else messages
    began, began_cpu = time.perf_counter(), _cpu_seconds()
    action(messages)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - began_cpu
    return Figure(name, moved / seconds, moved / max(cpu, 0.01))


def _cpu_seconds() -> float:
    return time.process_time() + database_cpu_seconds()


def _median_of(figures: list[Figure]) -> Figure:
    return Figure(
        figures[0].name,
        median(figure.per_second for figure in figures),
        median(figure.per_cpu_second for figure in figures),
    )


def _message_request(number: int) -> MessageRequest:
    return MessageRequest(
        enterprise=None,
        kind=Message.Kind.INVITATION,
        purpose="invitation",
        subject=f"member:{number}",
        to=f"+86138{number:08}",
        template="invitation",
        params={"enterprise": "示例科技有限公司", "name": "王芳", "days": "7"},
        secrets={"link": f"https://mail.example.com/i/{number:032}/"},
    )
