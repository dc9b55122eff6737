"""Floods through the anonymous door, and who gets through meanwhile (docs/limits.md)."""

from __future__ import annotations

from collections import Counter, deque
from datetime import timedelta

import pytest
from django.utils import timezone

from sms.codes.actions import check_code
from sms.codes.conversion import check_conversion
from sms.codes.proof_of_work import ProofRequired
from sms.models import Door, Message, PhoneCode
from sms.tests.codes.asking import PHONE, ask, digits_of, outcome, store
from sms.tests.codes.solving import solve

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(timezone.now().replace(minute=1), tick=False)
    return time_machine


def phone_of(number: int) -> str:
    """Return numbers that are not in a row."""
    return f"+86136{number:04}0000"


def owner_gets_through(phone: str) -> bool:
    """By a personal link and in a known browser, the owner gets a code at once and enters it."""
    for purpose, browser in [("join", "the invitee's"), ("login", "known")]:
        code = ask(phone, purpose=purpose, browser=browser, door=Door.PROVEN)
        if check_code(digits_of(code), purpose=purpose, browser=browser) != code:
            return False
        PhoneCode.objects.filter(pk=code.pk).update(created_at=code.created_at - timedelta(seconds=60))
    return True


def test_one_address_with_300_numbers_gets_20_codes():
    outcomes = Counter(outcome(phone_of(number), browser=str(number)) for number in range(300))
    assert outcomes == {"sent": 20, "work": 280}
    assert Message.objects.count() == 20
    assert owner_gets_through(phone_of(0))
    assert owner_gets_through(phone_of(299))
    assert outcome(phone_of(300), address="203.0.113.8") == "sent"


def test_200_addresses_with_one_number_get_six_codes_a_day(clock):
    sent_at = []
    for number in range(200):
        if outcome(browser=str(number), address=f"10.0.0.{number}") == "sent":
            sent_at.append(number * 432)
        if number in {1, 199}:
            assert owner_gets_through(PHONE)
        clock.shift(432)
    assert len(sent_at) == 6


def test_200_addresses_with_one_number_get_three_codes_an_hour(clock):
    outcomes = []
    for number in range(200):
        outcomes.append(outcome(browser=str(number), address=f"10.0.0.{number}"))
        clock.shift(17.9)
    assert outcomes.count("sent") == 3
    assert owner_gets_through(PHONE)


def test_200_addresses_with_300_numbers_need_work_after_three_minutes(clock):
    outcomes = []
    for number in range(200):
        outcomes.append(outcome(phone_of(number % 300), browser=str(number), address=f"10.0.0.{number}"))
        clock.shift(2)
    assert outcomes.count("sent") == 99
    assert set(outcomes[99:]) == {"work"}
    assert owner_gets_through(phone_of(0))
    assert owner_gets_through(phone_of(199))


def test_200_addresses_that_do_the_work_are_stopped_within_the_hour(clock, settings):
    """With a tenth of the figures: 10 dead codes an hour make codes rare, and 30 stop them."""
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 1, 0
    settings.SMS_DEAD_CODES_LEAST, settings.SMS_CONVERSION_LEAST, settings.SMS_CONVERSION_SAMPLE = 10, 5, 1
    outcomes = Counter(
        work_through(phone_of(number % 30), browser=str(number), address=f"10.0.0.{number % 20}", clock=clock)
        for number in range(120)
    )
    assert outcomes["sent"] < 60
    assert PhoneCode.objects.filter(created_at__gt=timezone.now() - timedelta(hours=1)).count() < 60
    assert outcome("+8613500135000", address="198.51.100.1") == "limited"
    assert owner_gets_through(phone_of(0))


def work_through(phone: str, *, clock, **more: str) -> str:
    """Ask, with work if there must be, every 15 seconds; the watch runs as often."""
    clock.shift(15)
    check_conversion()
    try:
        ask(phone, **more)
    except ProofRequired as demanded:
        return outcome(phone, work=solve(demanded.challenge), **more)
    except Exception:
        return "limited"
    return "sent"


def colleagues(clock, people: int, *, enterprise, every: float) -> Counter[str]:
    """So many join behind one address, one after the other. Each enters the code after 40 s, but one in ten doesn't."""
    outcomes: Counter[str] = Counter()
    waiting: deque[PhoneCode] = deque()
    joining = {"purpose": "apply", "subject": f"enterprise:{enterprise.pk}"}
    for number in range(people):
        clock.shift(every)
        while waiting and waiting[0].created_at <= timezone.now() - timedelta(seconds=40):
            code = waiting.popleft()
            check_code(digits_of(code), **joining, browser=code.phone)
        try:
            code = ask(phone_of(number), **joining, browser=phone_of(number), enterprise=enterprise)
            outcomes["free"] += 1
        except ProofRequired as demanded:
            work = solve(demanded.challenge)
            code = ask(phone_of(number), **joining, browser=phone_of(number), enterprise=enterprise, work=work)
            outcomes["with work"] += 1
        if number % 10:
            waiting.append(code)
    return outcomes


@pytest.mark.parametrize("is_flooded", [False, True])
def test_800_colleagues_behind_one_address_get_through(clock, settings, enterprise, is_flooded):
    """With a tenth of the figures: 80 people at 16 a minute, and the limits of a block to match."""
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 1, 0
    settings.SMS_OPEN_CODES_FREE, settings.SMS_OPEN_CODES_FREE_MOST = 2, 20
    settings.SMS_OPEN_CODES_WITH_WORK, settings.SMS_DEAD_CODES_LEAST = 30, 10
    settings.SMS_CONVERSION_LEAST = 5
    if is_flooded:
        # The sign-in pages are closed, and every code takes work.
        store(*[400] * 300, address_block="10.0.0.1")
        assert outcome(address="203.0.113.9") == "limited"
    outcomes = colleagues(clock, 80, enterprise=enterprise, every=60 / 16)
    assert outcomes.total() == 80
    assert is_flooded or outcomes["with work"] < 20
