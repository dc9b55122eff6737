"""Many at once, on PostgreSQL: each limit holds exactly (security.md O1, O2; 5.2)."""

from __future__ import annotations

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
from sms.codes.actions import CodeRefused, check_code, send_code
from sms.models import GatewayHealth, Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.breaker import claimable, record_failures
from sms.outbox.queue import cancel_messages

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
PHONE = "+8613800138000"


@pytest.fixture(autouse=True)
def _only_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")


def at_once(work: Callable[[int], str], times: int, threads: int = 24) -> Counter[str]:
    """How often each outcome came, errors by their name."""

    def guarded(number: int) -> str:
        try:
            return work(number)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(guarded, range(times)))


def ask(number: int = 0, **changes: object) -> str:
    request = {"phone": PHONE, "purpose": "login", "browser": "b", "language": "en", **changes}
    send_code(**request)
    return "sent"


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
    assert at_once(lambda number: ask(browser=f"b{number}"), 50) == {"sent": 1, "CodeLimited": 49}
    assert Message.objects.count() == PhoneCode.objects.count() == 1


def test_of_50_requests_by_one_browser_five_send():
    assert at_once(lambda number: ask(phone=f"+86139001380{number:02}"), 50) == {"sent": 5, "CodeLimited": 45}


def test_concurrent_codes_to_one_prefix_stop_at_five():
    def apply(number: int) -> str:
        phone = f"+86139001380{number:02}"
        return ask(phone=phone, purpose="apply", browser=f"b{number}", is_listed=False, address="203.0.113.7")

    assert at_once(apply, 50) == {"sent": 5, "CodeLimited": 45}


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


def test_concurrent_codes_spend_a_budget_exactly(settings, tenant):
    settings.SMS_CODES_OF_ENTERPRISE_LEAST, settings.SMS_CODES_PER_MEMBER = 20, 0

    def ask(number: int) -> str:
        send_code(
            phone=f"+86{13800000000 + number * 100_000}",
            purpose="apply",
            browser=f"browser {number}",
            address=f"10.0.0.{number}",
            language="en",
            enterprise=tenant.enterprise,
            is_listed=False,
        )
        return "sent"

    assert at_once(ask, 60) == {"sent": 20, "CodeLimited": 40}
    assert Message.objects.count() == 20


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
