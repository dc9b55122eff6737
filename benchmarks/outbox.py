"""How fast messages pass the outbox, beside the limit: one UPDATE over the same rows (performance.md, "Messages")."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from celery import current_app
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone

from sms.gateways import sent
from sms.models import Message
from sms.outbox import delivery
from sms.outbox import queue as outbox
from sms.outbox.queue import MessageRequest, queue_messages

ALL = [Message.Kind.CODE, Message.Kind.DECISION, Message.Kind.INVITATION]
BATCH = 500


@dataclass(frozen=True)
class Figure:
    """Messages a second, of the clock and of CPU (ours and the database backend's)."""

    name: str
    per_second: float
    per_cpu_second: float


def measure_outbox(messages: int, rounds: int) -> list[Figure]:
    """Every way `rounds` times, taking turns; medians. Works in a database of its own that is dropped afterwards."""
    with _own_database():
        measured = [[_measure(name, prepare, way, messages) for name, prepare, way in WAYS] for _ in range(rounds)]
    return [_median_of([figures[number] for figures in measured]) for number in range(len(WAYS))]


def update_once(messages: int) -> None:
    """The limit: no row can be moved with less."""
    Message.objects.all().update(state=Message.State.SENT, encrypted="", settled_at=timezone.now())


def claim_and_settle(messages: int) -> None:
    """The outbox alone: two-phase claims in batches, nothing handed over."""
    while (claim := outbox.claim_messages("invitation", "file", limit=BATCH)).messages:
        outbox.record_outcomes([(message, sent()) for message in claim.messages])


def claim_row_by_row(messages: int) -> None:
    """What an outbox that claims one by one reaches; a fiftieth of the rows."""
    for _ in range(messages // 50):
        claim = outbox.claim_messages("invitation", "file", limit=1)
        outbox.record_outcomes([(message, sent()) for message in claim.messages])


def deliver(messages: int) -> None:
    """The worker's whole way: claim, open the seal, write the text, append to the file, settle."""
    while delivery.deliver_messages(ALL):
        pass


def queue(messages: int) -> None:
    """The web's side: seal, write the shown text, insert."""
    for start in range(0, messages, BATCH):
        queue_messages([_message_request(number) for number in range(start, min(start + BATCH, messages))])


def queue_and_deliver(messages: int) -> None:
    """From the request to the hand-over."""
    queue(messages)
    deliver(messages)


def nothing(messages: int) -> None:
    """No rows needed."""


WAYS: list[tuple[str, Callable[[int], None], Callable[[int], None]]] = [
    ("limit: one UPDATE", queue, update_once),
    ("claimed row by row", queue, claim_row_by_row),
    ("claim and settle", queue, claim_and_settle),
    ("deliver to the file", queue, deliver),
    ("queue", nothing, queue),
    ("queue and deliver", nothing, queue_and_deliver),
]


def _measure(name: str, prepare: Callable[[int], None], way: Callable[[int], None], messages: int) -> Figure:
    Message.objects.all().delete()
    prepare(messages)
    moved = messages // 50 if way is claim_row_by_row else messages
    began, began_cpu = time.perf_counter(), _cpu_seconds()
    way(messages)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - began_cpu
    return Figure(name, moved / seconds, moved / max(cpu, 0.01))


def _median_of(figures: list[Figure]) -> Figure:
    return Figure(
        figures[0].name,
        median(figure.per_second for figure in figures),
        median(figure.per_cpu_second for figure in figures),
    )


def _cpu_seconds() -> float:
    if connection.vendor != "postgresql":
        return time.process_time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        status = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not status.exists():  # the database runs elsewhere
        return time.process_time()
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return time.process_time() + (int(user) + int(system)) / 100


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


@contextmanager
def _own_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    current_app.conf.broker_url = "memory://localhost/"  # nobody is to be woken
    with TemporaryDirectory() as folder, override_settings(SMS_FILE=f"{folder}/sms.jsonl", SMS_GATEWAY="file"):
        connection.settings_dict["TEST"]["NAME"] = (
            f"{folder}/db.sqlite3" if connection.vendor == "sqlite" else f"bench_{name}"
        )
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
