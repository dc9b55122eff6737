"""Concurrent requests on PostgreSQL: each limit holds exactly (security.md O1, O2; 5.2)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from core.encryption import decrypt
from sms import tasks
from sms.codes.actions import CodeRefused, check_code
from sms.models import Door, GatewayHealth, Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.breaker import claimable, record_failures
from sms.outbox.queue import cancel_messages
from sms.tests.codes import asking
from sms.tests.codes.asking import PHONE, store

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _only_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")


def at_once(work: Callable[[int], str], times: int, threads: int = 24) -> Counter[str]:
    """Return how often each outcome or exception occurred."""

    def guarded(number: int) -> str:
        try:
            return work(number)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(guarded, range(times)))


def ask(phone: str = PHONE, **changes: object) -> str:
    return asking.outcome(phone, **{"browser": "b", **changes})


def sent_digits() -> str:
    return decrypt(Message.objects.get().encrypted)["code"]


def test_of_300_wrong_guesses_exactly_five_are_evaluated():
    ask()
    right = int(sent_digits())

    def guess(number: int) -> str:
        check_code(f"{(right + 1 + number) % 10**6:06}", purpose="login", browser="b")
        return "in"

    outcomes = at_once(guess, 300)
    assert outcomes["CodeWrong"] == 5
    assert outcomes["CodeSpent"] == 295
    assert PhoneCode.objects.get().attempts == 5
    assert PhoneAttemptCounter.objects.get().failures == 5


def test_of_300_right_answers_exactly_one_is_accepted(settings):
    settings.SMS_CODE_CHECKS = 1000
    ask()
    digits = sent_digits()

    def answer(number: int) -> str:
        check_code(digits, purpose="login", browser="b")
        return "in"

    outcomes = at_once(answer, 300)
    assert outcomes == {"in": 1, "CodeExpired": 299}


def test_right_answer_among_300_wrong_ones_is_accepted_at_most_once():
    ask()
    right = int(sent_digits())

    def guess(number: int) -> str:
        try:
            check_code(f"{(right + number % 4) % 10**6:06}", purpose="login", browser="b")
        except CodeRefused:
            return "refused"
        return "in"

    assert at_once(guess, 300)["in"] <= 1


def test_of_50_requests_for_one_number_one_sends():
    assert at_once(lambda number: ask(browser=f"b{number}"), 50) == {"sent": 1, "limited": 49}
    assert Message.objects.count() == PhoneCode.objects.count() == 1


def phone_of(number: int) -> str:
    """Return numbers that are not in a row."""
    return f"+86136{number:04}0000"


# what was asked for before, what two ask for at once → outcomes; each is one below its limit
BOUNDARIES = {
    "L1": (lambda: store(100, 200, phone=PHONE, entered=True), lambda n: {"browser": f"b{n}"}, {"sent", "limited"}),
    "L2": (lambda: store(100, phone=PHONE), lambda n: {"browser": f"b{n}"}, {"sent", "limited"}),
    "L3": (
        lambda: store(100, 200, 300, 400, phone=PHONE, door=Door.PROVEN),
        lambda n: {"door": Door.PROVEN, "browser": f"b{n}"},
        {"sent", "limited"},
    ),
    "L5": (lambda: store(*[1] * 4, browser=digest_of("b")), lambda n: {"phone": phone_of(n)}, {"sent", "limited"}),
    "L6": (lambda: store(*[1] * 19), lambda n: {"phone": phone_of(n), "browser": f"b{n}"}, {"sent", "work"}),
    "L7": (
        lambda: store(1, 1, phone=f"{PHONE[:-4]}1000") or store(1, 1, phone=f"{PHONE[:-4]}1001"),
        lambda n: {"phone": f"{PHONE[:-1]}{n}", "browser": f"b{n}"},
        {"sent", "work"},
    ),
    "L9": (
        lambda: store(*[200] * 49, address_block="10.0.0.1"),
        lambda n: {"phone": phone_of(n), "browser": f"b{n}", "address": f"10.0.1.{n}"},
        {"sent", "work"},
    ),
}


def digest_of(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()


def test_two_concurrent_requests_at_each_boundary_send_one_code():
    for limit, (fill, request, outcomes) in BOUNDARIES.items():
        PhoneCode.objects.all().delete()
        fill()
        assert at_once(lambda number, request=request: ask(**request(number)), 2) == dict.fromkeys(outcomes, 1), limit


def test_concurrent_requests_from_one_block_send_the_free_codes_only():
    outcomes = at_once(lambda number: ask(phone_of(number), browser=f"b{number}"), 50)
    assert outcomes == {"sent": 20, "work": 30}


def test_concurrent_workers_hand_over_one_code_a_minute_to_a_number(queue, settings):
    for number in range(20):
        queue(kind="code", purpose="code", to=PHONE, is_proven=bool(number % 2))

    def work(_number: int) -> str:
        tasks.deliver_codes()
        return "done"

    assert at_once(work, 20, threads=10) == {"done": 20}
    assert len(Path(settings.SMS_FILE).read_text().splitlines()) == 1
    assert Message.objects.get(state="sent").is_proven


def test_concurrent_workers_and_sweeps_send_each_message_once(queue, settings):
    messages = [queue() for _ in range(200)]

    def work(number: int) -> str:
        [tasks.deliver_messages, tasks.deliver_codes, tasks.sweep_outbox][number % 3]()
        return "done"

    assert at_once(work, 30, threads=10) == {"done": 30}
    lines = [json.loads(line)["to"] for line in Path(settings.SMS_FILE).read_text().splitlines()]
    assert sorted(lines) == sorted(message.to for message in messages)
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_cancelling_and_sending_at_once_agree_on_the_outcome(queue, settings):
    messages = [queue() for _ in range(60)]

    def work(number: int) -> str:
        if number % 2:
            tasks.deliver_messages()
            return "delivered"
        subject = messages[number].subject
        return f"cancelled {cancel_messages(purpose='invitation', subject=subject, reason='Joined.')}"

    outcomes = at_once(work, 60)
    handed_over = len(Path(settings.SMS_FILE).read_text().splitlines())
    assert outcomes["delivered"] == 30
    assert handed_over + outcomes["cancelled 1"] == 60
    assert Message.objects.filter(state="cancelled").count() == outcomes["cancelled 1"]
    assert not Message.objects.exclude(encrypted="").exists()


def test_of_many_workers_one_probes_a_gateway_that_failed():
    now = timezone.now()
    GatewayHealth.objects.create(gateway="file", failed_at=[0] * 5, open_since=now, next_probe_at=now)
    assert at_once(lambda _number: str(claimable("file", 10)), 48) == {"1": 1, "0": 47}


def test_parallel_failures_are_all_counted():
    at_once(lambda _number: record_failures("file") or "counted", 4)
    assert claimable("file", 10) == 10
    at_once(lambda _number: record_failures("file") or "counted", 24)
    health = GatewayHealth.objects.get()
    assert (len(health.failed_at), claimable("file", 10)) == (5, 0)
