"""The carriers' caps per number, kept when codes are handed over (docs/limits.md, L4)."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from sms import tasks
from sms.gateways import rejected, retry, unknown
from sms.models import Message

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
HOUR, DAY = 3600, 86_400


@pytest.fixture
def code(queue):
    """Return a function that queues a code that lives five minutes."""

    def queue_code(to: str = PHONE, **more: object) -> Message:
        expires_at = timezone.now() + timedelta(seconds=300)
        return queue(kind="code", purpose="code", to=to, expires_at=expires_at, **more)

    return queue_code


def handed_over(*ages: float, state: str = "sent", to: str = PHONE) -> None:
    """Store codes that were handed over so many seconds ago."""
    now, number = timezone.now(), Message.objects.count()
    Message.objects.bulk_create(
        Message(
            kind="code", purpose="code", subject=f"sent {number + index}", to=to, language="en", template="code",
            gateway="scripted", state=state, settled_at=now - timedelta(seconds=age),
        )
        for index, age in enumerate(ages)
    )  # fmt: skip


def pass_time(seconds: float) -> None:
    """Move all messages' times back: the limits follow the database's clock, which a test can't move."""
    times = ("created_at", "next_attempt_at", "settled_at", "expires_at", "lease_until")
    Message.objects.update(**{name: F(name) - timedelta(seconds=seconds) for name in times})


def wait_of(message: Message) -> int | str:
    """Deliver what is due. Return how many seconds the code waits, or its state."""
    tasks.deliver_codes()
    message.refresh_from_db()
    if message.state == "pending":
        return math.ceil((message.next_attempt_at - timezone.now()).total_seconds())
    return message.state


# ages of the codes before → what becomes of the next one
CAPS = [
    ([59], 1),
    ([60], "sent"),
    ([61], "sent"),
    ([100, 200, 300, HOUR - 1], "sent"),
    ([100, 200, 300, 400, HOUR - 100], 100),
    ([100, 200, 300, 400, HOUR - 299], 299),
    ([100, 200, 300, 400, HOUR - 301], "expired"),
    ([100, 200, 300, 400, HOUR], "sent"),
    ([10, 200, 300, 400, HOUR - 20], 50),
    ([*range(4000, 4900, 100), DAY - 100], 100),
    ([*range(4000, 4900, 100), DAY - 301], "expired"),
    ([*range(4000, 4900, 100), DAY], "sent"),
    ([*range(4000, 4800, 100), DAY - 100], "sent"),
]


def test_caps_of_a_number(gateway, code):
    for ages, expected in CAPS:
        Message.objects.all().delete()
        handed_over(*ages)
        handed_over(*[5] * 20, to="+8613900139000")
        assert wait_of(code()) == expected, ages
    assert {outgoing.to for outgoing in gateway.outgoing} == {PHONE}


def test_an_expired_code_keeps_no_secret(gateway, code):
    handed_over(100, 200, 300, 400, 500)
    message = code()
    assert wait_of(message) == "expired"
    assert message.encrypted == ""
    assert message.settled_at
    assert message.reason


def test_what_may_have_reached_the_carrier_counts(gateway, code):
    for state in ("sent", "delivered", "undelivered", "unknown", "claimed"):
        Message.objects.all().delete()
        handed_over(10, state=state)
        assert wait_of(code()) == 50, state
    for state in ("rejected", "expired", "cancelled"):
        Message.objects.all().delete()
        handed_over(10, state=state)
        assert wait_of(code()) == "sent", state
    Message.objects.all().delete()
    handed_over(10, state="claimed")
    Message.objects.update(settled_at=None)
    assert wait_of(code()) == 60


def test_codes_of_both_doors_go_a_minute_apart_the_proven_one_first(gateway, code):
    anonymous, proven, other = code(), code(is_proven=True), code("+8613900139000")
    assert wait_of(proven) == wait_of(other) == "sent"
    assert wait_of(anonymous) == 60
    assert [outgoing.to for outgoing in gateway.outgoing] == [PHONE, "+8613900139000"]
    pass_time(30)
    second = code(is_proven=True)
    assert wait_of(second) == 30
    pass_time(30)
    assert wait_of(second) == "sent"
    assert wait_of(anonymous) == 60
    pass_time(60)
    assert wait_of(anonymous) == "sent"


def test_a_code_that_was_not_sent_leaves_room(gateway, code):
    gateway.answers = [rejected("no")]
    assert wait_of(code()) == "rejected"
    gateway.answers = [retry("busy", after=0), unknown("timeout")]
    message = code()
    assert wait_of(message) == "retry_wait"
    assert wait_of(message) == "unknown"
    assert wait_of(code()) == 60


def test_a_number_gets_one_a_minute_five_an_hour_and_ten_a_day(gateway, code):
    """Codes of both doors, asked for every 20 seconds for five minutes, then four times an hour for a day."""
    elapsed, sent_at = 0, []
    for number in range(115):
        code(is_proven=bool(number % 2))
        before = len(gateway.outgoing)
        tasks.deliver_codes()
        sent_at += [elapsed] * (len(gateway.outgoing) - before)
        step = 20 if number < 15 else 900
        pass_time(step)
        elapsed += step
    assert sent_at[:6] == [0, 60, 120, 180, 240, 3900]
    for most, seconds in [(1, 60), (5, HOUR), (10, DAY)]:
        gaps = [later - earlier for earlier, later in zip(sent_at, sent_at[most:], strict=False)]
        assert min(gaps) >= seconds
    assert len(sent_at) > 10


def test_other_messages_to_the_number_are_not_held_back(gateway, queue, code):
    handed_over(1)
    tasks.deliver_messages()
    invitation = queue(to=PHONE)
    tasks.deliver_messages()
    invitation.refresh_from_db()
    assert invitation.state == "sent"


def test_codes_held_back_do_not_hide_the_next_one_from_the_worker(gateway, code):
    """The batch of this gateway is one code."""
    handed_over(1)
    held, ready = code(), code("+8613900139000")
    assert wait_of(ready) == "sent"
    assert wait_of(held) == 59
