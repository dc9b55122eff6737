"""Proof of work: when it is required, and which proofs are accepted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from sms.codes.actions import CodeLimited
from sms.codes.alarms import raise_alarm
from sms.codes.proof_of_work import Challenge, ProofRequired, delete_expired_challenges
from sms.models import Alarm, Door, Message, PhoneAttemptCounter, PhoneCode, UsedChallenge
from sms.tests.codes import asking
from sms.tests.codes.solving import solve, zero_bits

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
REQUEST = {"purpose": "apply", "browser": "a", "subject": "enterprise:1", "address": "203.0.113.7"}


@pytest.fixture(autouse=True)
def _light_work(settings):
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 3, 4


def ask(phone=PHONE, *, work="", is_listed=False, **request) -> PhoneCode:
    return asking.ask(phone, is_listed=is_listed, work=work, **(REQUEST | request))


def wanted(**params) -> Challenge:
    """Request a code and return the challenge instead."""
    before = Message.objects.count()
    with pytest.raises(ProofRequired) as found:
        ask(**params)
    assert Message.objects.count() == before
    return found.value.challenge


@pytest.fixture
def poor():
    """Raise the conversion alarm."""
    raise_alarm(Alarm.Kind.CONVERSION, window=timezone.now())


def is_limited(phone=PHONE, **params) -> bool:
    """True if neither a code nor a challenge is returned."""
    try:
        ask(phone, **params)
    except ProofRequired:
        return False
    except CodeLimited:
        return True
    return False


@pytest.mark.parametrize(("seconds", "is_wanted"), [(0, True), (1199, True), (1200, False), (1201, False)])
def test_proof_is_required_of_everyone_during_the_conversion_alarm(poor, seconds, is_wanted):
    now = timezone.now()
    Alarm.objects.update(raised_at=now)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        if is_wanted:
            wanted()
        else:
            assert ask()


def test_other_alarms_require_no_proof():
    raise_alarm(Alarm.Kind.SPENT, window=timezone.now())
    assert ask()


def test_each_code_requires_its_own_proof(poor):
    challenge = wanted()
    assert (challenge.parts, challenge.bits) == (3, 4)
    assert ask(work=solve(challenge)).phone == PHONE
    assert UsedChallenge.objects.count() == 1
    assert wanted(phone="+8613700137000").text != challenge.text


def test_listed_and_unlisted_numbers_require_a_proof_alike(poor):
    assert wanted(is_listed=True).parts == wanted(is_listed=False).parts
    asking.store(*[1] * 300)
    assert is_limited(is_listed=True)
    assert is_limited(is_listed=False)


def test_every_purpose_requires_a_proof_at_the_anonymous_door_and_none_at_the_proven_one(poor):
    for number, purpose in enumerate(["login", "wechat", "apply"]):
        wanted(purpose=purpose)
        assert ask(f"+861370013{number}000", purpose=purpose, door=Door.PROVEN)


def test_the_harder_work_is_accepted_and_the_easier_was_issued_before(poor):
    """A challenge keeps its difficulty while it is valid."""
    easy = solve(wanted())
    Alarm.objects.create(key="before", kind="conversion", raised_at=timezone.now() - timedelta(minutes=15))
    hard = wanted()
    assert (hard.parts, hard.bits) == (3, 5)
    assert ask(work=solve(hard))
    assert ask("+8613700137000", work=easy)


def test_a_proof_counts_once(poor):
    proof = solve(wanted())
    assert ask(work=proof)
    assert is_limited("+8613700137000", work=proof)
    assert UsedChallenge.objects.count() == 1


def test_a_proof_whose_code_was_not_sent_is_not_spent(poor):
    proof = solve(wanted())
    PhoneAttemptCounter.objects.create(phone=PHONE, door=Door.ANONYMOUS, failures=100)
    assert is_limited(work=proof)
    assert not UsedChallenge.objects.exists()
    PhoneAttemptCounter.objects.update(failures=0)
    assert ask(work=proof)


@pytest.mark.parametrize("change", [{"browser": "b"}, {"subject": "enterprise:2"}])
def test_a_proof_is_for_its_browser_and_subject(poor, change):
    assert is_limited(work=solve(wanted()), **change)


def test_a_proof_is_valid_for_another_number_of_the_same_browser(poor):
    assert ask("+8613700137000", work=solve(wanted()))


@pytest.mark.parametrize(("seconds", "counts"), [(599, True), (601, False)])
def test_a_challenge_is_valid_for_ten_minutes(poor, seconds, counts):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        proof = solve(wanted())
        clock.shift(seconds)
        assert is_limited(work=proof) != counts


WRONG = {
    "no numbers": lambda text, numbers: text,
    "too few": lambda text, numbers: f"{text}|{','.join(numbers[:2])}",
    "too many": lambda text, numbers: f"{text}|{','.join([*numbers, '1'])}",
    "one wrong": lambda text, numbers: f"{text}|{numbers[0]},{numbers[1]},{other_than(text, 2)}",
    "in another order": lambda text, numbers: f"{text}|{','.join(numbers[::-1])}",
    "other digits": lambda text, numbers: f"{text}|{numbers[0]},{numbers[1]},１",
    "no digits": lambda text, numbers: f"{text}|{numbers[0]},{numbers[1]},x",
    "another signature": lambda text, numbers: f"{text[:-3]}AAA|{','.join(numbers)}",
    "easier": lambda text, numbers: f"WyJhIiwxLDBd{text}|0",
    "nonsense": lambda text, numbers: "||" * 1000,
    "nothing signed": lambda text, numbers: "a:b:c|1,2,3",
}


def other_than(text: str, part: int) -> int:
    """Return a number that doesn't solve this part."""
    return next(n for n in range(1000) if zero_bits(f"{text}|{part}|{n}") < 4)


@pytest.mark.parametrize("kind", WRONG)
def test_an_invalid_proof_gets_no_code_and_no_new_challenge(poor, kind):
    challenge = wanted()
    numbers = solve(challenge).partition("|")[2].split(",")
    if kind == "in another order" and all(
        zero_bits(f"{challenge.text}|{part}|{n}") >= 4 for part, n in enumerate(numbers[::-1])
    ):
        return
    assert is_limited(work=WRONG[kind](challenge.text, numbers))
    assert not UsedChallenge.objects.exists()


def test_used_challenges_are_deleted_once_they_expire(poor):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        ask(work=solve(wanted()))
        clock.shift(599)
        delete_expired_challenges()
        assert UsedChallenge.objects.count() == 1
        clock.shift(2)
        delete_expired_challenges()
        assert not UsedChallenge.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_with_one_proof_send_one_code(poor):
    proof = solve(wanted())

    def attempt(number: int) -> bool:
        try:
            return not is_limited(f"+86137{number:04}7000", work=proof)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert UsedChallenge.objects.count() == PhoneCode.objects.count() == 1
