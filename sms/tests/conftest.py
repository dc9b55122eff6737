"""Fixtures for the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sms.gateways import Outcome, OutgoingSms, sent
from sms.models import Message
from sms.outbox.queue import MessageRequest, queue_messages


@pytest.fixture
def queue(db):
    """Return a function that queues an invitation; keyword arguments change the request."""
    numbers = iter(range(1, 10**6))

    def queue_one(**changes) -> Message:
        number = next(numbers)
        request = MessageRequest(
            enterprise=None,
            kind="invitation",
            purpose="invitation",
            subject=f"member:{number}",
            to=f"+86138{number:08}",
            template="invitation",
            params={"enterprise": "示例科技", "name": "王芳", "days": "7"},
            secrets={"link": f"http://127.0.0.1:8000/i/token{number}/"},
        )
        return queue_messages([replace(request, **changes)])[0]

    return queue_one


class ScriptedGateway:
    """Return a gateway that gives the outcomes in `answers`, then `sent`; `outgoing` collects its messages."""

    batch_size = code_batch_size = 1
    answers: list[Outcome] = []
    outgoing: list[OutgoingSms] = []
    found: set[str] | None = None

    def send(self, batch: Sequence[OutgoingSms], *, until: float) -> list[Outcome]:
        self.outgoing.extend(batch)
        return [self.answers.pop(0) if self.answers else sent("SM1") for _outgoing in batch]

    def find_sent(self, ids: set[str]) -> set[str] | None:
        return self.found


@pytest.fixture
def gateway(settings):
    ScriptedGateway.answers, ScriptedGateway.outgoing, ScriptedGateway.found = [], [], None
    settings.SMS_GATEWAYS = {"file": "sms.gateways.file.FileGateway", "scripted": f"{__name__}.ScriptedGateway"}
    settings.SMS_GATEWAY = "scripted"
    return ScriptedGateway
