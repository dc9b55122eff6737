"""Open codes per block, and of numbers in a row (docs/limits.md, L6 and L7)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from sms.codes.proof_of_work import ProofRequired
from sms.models import Alarm, Door, Message, PhoneCode
from sms.tests.codes.asking import PHONE, ask, outcome, store, wait_for
from sms.tests.codes.solving import solve

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture(autouse=True)
def _clock_stands_still(time_machine, settings):
    time_machine.move_to(timezone.now(), tick=False)
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 2, 2


def with_work(phone: str = PHONE, **more: object) -> str:
    """Ask, and answer the challenge if there is one."""
    try:
        ask(phone, **more)
    except ProofRequired as limit:
        return outcome(phone, work=solve(limit.challenge), **more)
    return "sent"


# open codes, numbers that entered one → whether one more is free, and whether it is sent for work
OF_BLOCK = [
    (19, 0, "sent", "sent"),
    (20, 0, "work", "sent"),
    (21, 1, "sent", "sent"),
    (22, 1, "work", "sent"),
    (199, 90, "sent", "sent"),
    (200, 90, "work", "sent"),
    (200, 91, "work", "sent"),
    (299, 91, "work", "sent"),
    (300, 91, "limited", "limited"),
]


def test_block():
    """L6."""
    for number, entered, free, worked in OF_BLOCK:
        PhoneCode.objects.all().delete()
        store(*[1] * number)
        store(*[1000] * entered, entered=True)
        assert outcome("+8613700137000", address="203.0.113.8") == "sent"
        assert outcome() == free, (number, entered)
        if free == "work":
            assert with_work() == worked, (number, entered)


def test_what_counts_for_a_block():
    """Codes of ten minutes, at the anonymous door, that were not entered; numbers of a day earn, each once."""
    store(*[1] * 19)
    for seconds, fields, expected in [
        (599, {}, "work"),
        (600, {}, "sent"),
        (601, {}, "sent"),
        (1, {"entered": True}, "sent"),
        (1, {"door": Door.PROVEN}, "sent"),
        (1, {"is_decoy": True}, "work"),
        (1, {"superseded_at": timezone.now()}, "work"),
    ]:
        store(seconds, phone="+8613500135000", **fields)
        assert outcome() == expected, (seconds, fields)
        PhoneCode.objects.filter(phone__in=["+8613500135000", PHONE]).delete()
    store(1, 1)
    assert outcome() == "work"
    for seconds, fields, expected in [
        (DAY, {}, "work"),
        (DAY - 1, {"door": Door.PROVEN}, "work"),
        (DAY - 1, {"address_block": "203.0.113.8"}, "work"),
        (DAY - 1, {}, "sent"),
    ]:
        store(seconds, seconds, phone="+8613500135000", entered=True, **fields)
        assert outcome() == expected, (seconds, fields)
        PhoneCode.objects.filter(phone__in=["+8613500135000", PHONE]).delete()


def test_a_block_that_earned_by_one_number_has_earned_once():
    store(*[1] * 22)
    store(1000, 2000, phone="+8613500135000", entered=True)
    assert outcome() == "work"


def test_the_wait_of_a_block_ends_when_one_code_less_is_open():
    store(*[1] * 19, 580, 590)
    assert wait_for() == 20
    PhoneCode.objects.all().delete()
    store(*[1] * 298, 570, 590)
    assert wait_for() == 10


# open codes to numbers in a row, numbers of the row that entered one → the same
OF_ROW = [
    (4, 0, "sent", "sent"),
    (5, 0, "work", "sent"),
    (6, 1, "sent", "sent"),
    (7, 1, "work", "sent"),
    (19, 0, "work", "sent"),
    (20, 0, "limited", "limited"),
    (21, 1, "work", "sent"),
    (22, 1, "limited", "limited"),
]


def test_row():
    """L7."""
    for number, entered, free, worked in OF_ROW:
        PhoneCode.objects.all().delete()
        store_row(*[1] * number)
        store_row(*[1000] * entered, first=500, entered=True)
        assert outcome() == free, (number, entered)
        if free == "work":
            assert with_work() == worked, (number, entered)


def test_a_row_is_of_one_block_or_one_browser():
    browser = ask("+8613700137000", browser="b").browser
    store_row(1, 1, 1, browser=browser, address_block="203.0.113.9")
    store_row(1, 1, first=3)
    store_row(1, 1, first=5, address_block="203.0.113.9")
    assert outcome() == "sent"
    PhoneCode.objects.filter(phone=PHONE).delete()
    assert outcome(browser="b") == "work"


def store_row(*ages: float, first: int = 0, **fields: object) -> None:
    for number, seconds in enumerate(ages, first):
        store(seconds, phone=f"{PHONE[:-4]}{1000 + number}", **fields)


def test_the_last_free_code_to_a_row_raises_one_alarm():
    outcomes = [outcome(f"{PHONE[:-4]}{number:04}", browser=str(number)) for number in range(40)]
    assert outcomes == ["sent"] * 5 + ["work"] * 35
    assert Message.objects.count() == 5
    assert [alarm.kind for alarm in Alarm.objects.all()] == ["row"]
