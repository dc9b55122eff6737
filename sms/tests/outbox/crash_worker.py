"""Workers killed by SIGKILL at a chosen point, each in its own process.

`report` runs in a process of its own, on a copy of the tests' database (test_killed_worker.py starts it).
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from sms import tasks
from sms.gateways import Outcome, OutgoingSms, file, sent
from sms.models import Message
from sms.outbox import delivery
from sms.outbox import queue as outbox
from sms.outbox.queue import MessageRequest, queue_messages

POINTS = {"file": ["p3", "p4", "p4 torn", "p5", "p6"], "network": ["p3", "p4", "p5", "p6"]}
crash = {"point": ""}


def report(folder: Path) -> dict[str, dict[str, object]]:
    """Return the final states of three messages for each point and each kind of gateway."""
    settings.SMS_GATEWAYS = {kind: f"{__name__}.Crashing{kind.title()}Gateway" for kind in POINTS}
    outcomes = {f"{kind} {point}": tell(folder, kind, point) for kind, points in POINTS.items() for point in points}
    Message.objects.all().delete()
    return outcomes


def tell(folder: Path, gateway: str, point: str) -> dict[str, object]:
    """Kill a worker, expire its lease, then run the sweeper and healthy workers."""
    settings.SMS_GATEWAY, settings.SMS_FILE = gateway, str(folder / f"{gateway} {point}.jsonl")
    Message.objects.all().delete()
    queue_three()
    in_another_process(lambda: work_until(point))
    killed_with = sorted(Message.objects.values_list("state", flat=True))
    in_another_process(lambda: [tasks.sweep_outbox(), tasks.deliver_messages()])
    Message.objects.filter(state="claimed").update(lease_until=timezone.now() - timedelta(hours=1))
    for _ in range(2):
        in_another_process(lambda: [tasks.sweep_outbox(), tasks.deliver_messages()])
    return {
        "killed_with": killed_with,
        "states": sorted(Message.objects.values_list("state", flat=True)),
        "handed_over": sorted(phones_in(Path(settings.SMS_FILE))),
        "encrypted": Message.objects.exclude(encrypted="").count(),
    }


def queue_three() -> None:
    queue_messages(
        [
            MessageRequest(
                enterprise=None,
                kind="invitation",
                purpose="invitation",
                subject=f"member:{number}",
                to=f"+861380013800{number}",
                template="invitation",
                params={"enterprise": "示例科技", "name": "王芳", "days": "7"},
                secrets={"link": f"http://127.0.0.1:8000/i/token{number}/"},
            )
            for number in (1, 2, 3)
        ]
    )


def in_another_process(work: Callable[[], object]) -> None:
    connection.close()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def work_until(point: str) -> None:
    crash["point"] = point
    settle = outbox.record_outcomes

    def record_and_die(outcomes: Iterable[tuple[Message, Outcome]]) -> None:
        if point == "p6":
            settle(outcomes)
        die()

    if point in {"p5", "p6"}:
        delivery.record_outcomes = record_and_die
    tasks.deliver_messages()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class CrashingFileGateway(file.FileGateway):
    """Kill the worker before its first line, after it, or in the middle of the second."""

    def send(self, batch: Sequence[OutgoingSms], *, until: float) -> list[Outcome]:
        if crash["point"] == "p3":
            die()
        if crash["point"] == "p4":
            super().send(batch[:1], until=until)
            die()
        if crash["point"] == "p4 torn":
            super().send(batch[:2], until=until)
            path = Path(settings.SMS_FILE)
            os.truncate(path, path.stat().st_size - 20)
            die()
        return super().send(batch, until=until)


class CrashingNetworkGateway:
    """A gateway with a ledger of what it accepted, which cannot be asked about a message."""

    batch_size = code_batch_size = 1

    def send(self, batch: Sequence[OutgoingSms], *, until: float) -> list[Outcome]:
        if crash["point"] == "p3":
            die()
        with Path(settings.SMS_FILE).open("a") as ledger:
            ledger.writelines(json.dumps({"to": outgoing.to}) + "\n" for outgoing in batch)
        if crash["point"] == "p4":
            die()
        return [sent("SM1") for _outgoing in batch]

    def find_sent(self, ids: set[str]) -> set[str] | None:
        return None


def phones_in(path: Path) -> list[str]:
    phones = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            phones.append(json.loads(line)["to"])
        except ValueError:
            continue
    return phones
