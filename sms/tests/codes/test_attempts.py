"""Consecutive wrong codes per number and door (docs/limits.md, L10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sms.codes.actions import CodeLimited, CodeSpent, CodeWrong, check_code, unlock_phones
from sms.models import Door, PhoneAttemptCounter, PhoneCode
from sms.tests.codes.asking import BROWSER, PHONE, ask, digits_of, other_than, outcome

pytestmark = pytest.mark.django_db
DOORS = [Door.ANONYMOUS, Door.PROVEN]


def fail(times: int, door: Door) -> None:
    """Check a fresh code so many times, without the waits for codes."""
    PhoneCode.objects.all().delete()
    code = ask(door=door)
    for _ in range(times):
        with pytest.raises(CodeWrong):
            check_code(other_than(digits_of(code)), purpose="login", browser=BROWSER)
    PhoneCode.objects.all().delete()


def failures_of(door: Door) -> int:
    return PhoneAttemptCounter.objects.get(phone=PHONE, door=door).failures


# failures in a row → the wait in seconds at the proven and at the anonymous door
WAITS = [(9, 0, 0), (10, 900, 0), (11, 0, 0), (29, 0, 0), (30, 43_200, 0), (99, 0, 0), (100, 86_400, 86_400)]


def test_failures_in_a_row_make_a_number_wait_at_the_proven_door_only():
    for failures, *waits in WAITS:
        for door, wait in zip([Door.PROVEN, Door.ANONYMOUS], waits, strict=True):
            PhoneAttemptCounter.objects.all().delete()
            PhoneAttemptCounter.objects.create(phone=PHONE, door=door, failures=failures - 1)
            fail(1, door)
            if not wait:
                assert outcome(door=door) == "sent", (failures, door)
                continue
            with pytest.raises(CodeLimited) as limited:
                ask(door=door)
            assert wait - 2 <= limited.value.retry_after <= wait, (failures, door)


def test_a_hundred_failures_close_one_door_and_leave_the_other_open():
    """O3: twenty codes, each checked five times; a new code doesn't reset the count."""
    for _ in range(20):
        fail(5, Door.ANONYMOUS)
    assert failures_of(Door.ANONYMOUS) == 100
    assert outcome() == "limited"
    owner = ask(door=Door.PROVEN)
    assert check_code(digits_of(owner), purpose="login", browser=BROWSER) == owner
    assert failures_of(Door.ANONYMOUS) == 0
    assert outcome() == "sent"


def test_an_administrator_opens_both_doors():
    for door in DOORS:
        PhoneAttemptCounter.objects.create(phone=PHONE, door=door, failures=100)
        assert outcome(door=door) == "limited"
    unlock_phones([PHONE])
    for door in DOORS:
        assert outcome(door=door) == "sent"


def test_a_waiting_number_has_no_code_checked_at_its_door():
    for door, other in zip(DOORS, reversed(DOORS), strict=True):
        PhoneCode.objects.all().delete()
        PhoneAttemptCounter.objects.all().delete()
        code = ask(door=door)
        until = timezone.now() + timedelta(seconds=100)
        PhoneAttemptCounter.objects.create(phone=PHONE, door=other, failures=10, wait_until=until)
        PhoneAttemptCounter.objects.filter(door=door).update(failures=10, wait_until=until)
        with pytest.raises(CodeSpent) as spent:
            check_code(digits_of(code), purpose="login", browser=BROWSER)
        assert 98 <= spent.value.retry_after <= 100
        PhoneAttemptCounter.objects.filter(door=door).update(wait_until=timezone.now())
        assert check_code(digits_of(code), purpose="login", browser=BROWSER)


def test_right_code_clears_the_failures_and_a_new_code_does_not():
    for door in DOORS:
        fail(3, door)
        PhoneCode.objects.all().delete()
        code = ask(door=door)
        assert failures_of(door) == 3
        check_code(digits_of(code), purpose="login", browser=BROWSER)
        assert failures_of(door) == 0


@pytest.mark.postgres
def test_counters_are_unlocked_in_the_order_of_their_keys():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    phones = [f"+861390013900{digit}" for digit in (3, 1, 2)]
    PhoneAttemptCounter.objects.bulk_create(
        PhoneAttemptCounter(phone=phone, door=door, failures=5) for phone in phones for door in DOORS
    )
    with CaptureQueriesContext(connection) as queries:
        unlock_phones(phones)
    locking = next(query["sql"] for query in queries if "FOR UPDATE" in query["sql"])
    assert locking.endswith("ORDER BY 1 ASC FOR UPDATE")
    assert not PhoneAttemptCounter.objects.filter(failures__gt=0).exists()
