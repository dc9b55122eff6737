"""Messages to play with, and a gateway whose answers the test decides."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sms.gateways import Letter, Outcome, sent
from sms.models import Message
from sms.outbox.queue import queue_message


@pytest.fixture
def queue(db):
    """`queue(kind="invitation")` promises one message more."""
    numbers = iter(range(1, 10**6))

    def queue_one(**changes) -> Message:
        number = next(numbers)
        return queue_message(
            **{
                "enterprise": None,
                "kind": "invitation",
                "purpose": "invitation",
                "subject": f"member:{number}",
                "to": f"+86138{number:08}",
                "template": "invitation",
                "params": {"enterprise": "示例科技", "name": "王芳", "days": "7"},
                "secrets": {"link": f"http://127.0.0.1:8000/i/token{number}/"},
                **changes,
            }
        )

    return queue_one


class SpokenGateway:
    """Answers what the test wrote into `answers`; then `sent`. Keeps what it was given."""

    batch_size = 1
    answers: list[Outcome] = []
    letters: list[Letter] = []
    found: set[str] | None = None

    def send(self, letters: Sequence[Letter], *, until: float) -> list[Outcome]:
        self.letters.extend(letters)
        return [self.answers.pop(0) if self.answers else sent("SM1") for _letter in letters]

    def find(self, ids: set[str]) -> set[str] | None:
        return self.found


@pytest.fixture
def spoken(settings):
    """The gateway of a test: `spoken.answers`, `spoken.letters`, `spoken.found`."""
    SpokenGateway.answers, SpokenGateway.letters, SpokenGateway.found = [], [], None
    settings.SMS_GATEWAYS = {"file": "sms.gateways.file.FileGateway", "spoken": f"{__name__}.SpokenGateway"}
    settings.SMS_GATEWAY = "spoken"
    return SpokenGateway
