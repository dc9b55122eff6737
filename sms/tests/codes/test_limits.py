"""Limits per number, block and browser, and the doors kept apart (docs/limits.md, L1 to L3 and L5)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Counter
from sms.models import Alarm, Door, Message, PhoneAttemptCounter, PhoneCode
from sms.tests.codes.asking import BROWSER, PHONE, ask, outcome, shape_of, store, wait_for

pytestmark = pytest.mark.django_db
ELSEWHERE = "203.0.113.8"
HOUR, DAY = 3600, 86_400


@pytest.fixture(autouse=True)
def _clock_stands_still(time_machine):
    time_machine.move_to(timezone.now(), tick=False)


def spread(count: int, oldest: float) -> list[float]:
    """Ages in seconds of so many codes, all but the oldest a good hour apart from now."""
    return [oldest, *(HOUR + 100 + 1000 * number for number in range(count - 1))]


# ages of the codes before → Retry-After (0: sent)
ANONYMOUS = [
    ([59], 1),
    ([60], 0),
    ([61], 0),
    ([100, 200], 0),
    ([100, 200, HOUR - 1], 1),
    ([100, 200, HOUR], 0),
    ([100, 200, HOUR + 1], 0),
    ([30, 200, HOUR - 600], 600),
    (spread(5, DAY - 1), 0),
    (spread(6, DAY - 1), 1),
    (spread(6, DAY), 0),
    (spread(6, DAY + 1), 0),
    ([100, 200, 300, *spread(3, DAY - 1)], HOUR - 300),
]


def test_number_at_the_anonymous_door():
    """L1, over all purposes, browsers and blocks, whether they were entered or not."""
    for ages, wait in ANONYMOUS:
        for entered in (False, True):
            PhoneCode.objects.all().delete()
            for number, seconds in enumerate(ages):
                purpose = ["login", "apply", "wechat"][number % 3]
                store(seconds, phone=PHONE, purpose=purpose, address_block=f"10.0.0.{number}", entered=entered)
            assert wait_for() == wait, (ages, entered)


FROM_BLOCK = [
    ([100], 0),
    ([100, HOUR - 1], 1),
    ([100, HOUR], 0),
    ([100, HOUR + 1], 0),
    (spread(2, DAY - 1), 0),
    (spread(3, DAY - 1), 1),
    (spread(3, DAY), 0),
    (spread(3, DAY + 1), 0),
]


def test_number_from_one_block():
    """L2, for codes that were not entered."""
    for ages, wait in FROM_BLOCK:
        PhoneCode.objects.all().delete()
        store(*ages, phone=PHONE)
        assert wait_for(address=ELSEWHERE) == 0, ages
        PhoneCode.objects.filter(address_block=ELSEWHERE).delete()
        assert wait_for() == wait, ages
        PhoneCode.objects.all().delete()
        store(*ages, phone=PHONE, entered=True)
        assert wait_for() == 0, ages


# ages of proven codes, ages of anonymous codes → Retry-After
PROVEN = [
    ([59], [], 1),
    ([60], [], 0),
    ([61], [], 0),
    ([], [1, 100, 200], 0),
    ([100], [1, 200, 300], 0),
    ([100, HOUR - 1], [1, 200, 300], 1),
    ([100, HOUR], [1, 200, 300], 0),
    ([100, 200, 300, 400], [], 0),
    ([100, 200, 300, 400, HOUR - 1], [], 1),
    ([100, 200, 300, 400, HOUR], [], 0),
    # The hour is free as soon as the fifth of both is gone.
    ([100, 200, 300], [50, HOUR - 5], 5),
    (spread(3, DAY - 1), spread(6, DAY - 1), 0),
    (spread(4, DAY - 1), spread(6, DAY - 1), 1),
    (spread(4, DAY), spread(6, DAY), 0),
    (spread(9, DAY - 1), [], 0),
    (spread(10, DAY - 1), [], 1),
    (spread(10, DAY + 1), [], 0),
]


def test_number_at_the_proven_door():
    """L3: strangers leave the guaranteed part, and the rest as far as they don't use it."""
    for proven, anonymous, wait in PROVEN:
        PhoneCode.objects.all().delete()
        store(*proven, phone=PHONE, door=Door.PROVEN)
        store(*anonymous, phone=PHONE)
        assert wait_for(door=Door.PROVEN, purpose="join") == wait, (proven, anonymous)


def test_browser_at_the_anonymous_door():
    """L5."""
    for ages, wait in [([1] * 4, 0), ([1, 2, 3, 4, 599], 1), ([1, 2, 3, 4, 600], 0), ([1, 2, 3, 4, 601], 0)]:
        PhoneCode.objects.all().delete()
        browser = ask("+8613700137000").browser
        PhoneCode.objects.all().delete()
        store(*ages, browser=browser)
        assert outcome(browser="another") == "sent"
        PhoneCode.objects.filter(phone=PHONE).delete()
        assert wait_for() == wait, ages
        PhoneCode.objects.filter(phone=PHONE).delete()
        assert wait_for(door=Door.PROVEN) == 0, ages


def test_what_is_asked_for_at_the_proven_door_does_not_show_at_the_anonymous_one():
    store(1, 100, 200, 300, 400, phone=PHONE, door=Door.PROVEN)
    PhoneAttemptCounter.objects.create(phone=PHONE, door=Door.PROVEN, failures=100)
    statements = []
    for phone in (PHONE, "+8613900139000"):
        with CaptureQueriesContext(connection) as queries:
            assert outcome(phone, browser=phone) == "sent"
        statements.append([shape_of(query["sql"]) for query in queries])
    assert statements[0] == statements[1]
    assert len(statements[0]) > 10


def test_a_stranger_does_not_end_the_code_of_a_known_browser():
    owner = ask(door=Door.PROVEN, browser="known")
    stranger = ask(browser="unknown")
    owner.refresh_from_db()
    stranger.refresh_from_db()
    assert owner.superseded_at is None
    assert stranger.superseded_at is None
    assert list(Message.objects.order_by("pk").values_list("state", "is_proven")) == [
        ("pending", True),
        ("pending", False),
    ]


def everything() -> list[object]:
    models = (PhoneCode, Message, PhoneAttemptCounter, Alarm, Counter)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_refused_request_writes_and_counts_nothing(settings):
    """C12, for each limit alone."""
    prepare = {
        "L1": lambda: store(30, phone=PHONE, address_block=ELSEWHERE),
        "L2": lambda: store(100, 200, phone=PHONE),
        "L5": lambda: store(*[1] * 5, browser=ask("+8613700137001").browser),
        "L6": lambda: store(*[1] * 300),
        "L7": lambda: store(*[1] * 20, phone="+8613800138111", browser=ask("+8613700137002").browser),
        "L8": lambda: store(*[400] * 300, address_block=ELSEWHERE),
        "L9": lambda: store(*[200] * 50, address_block=ELSEWHERE),
        "L10": lambda: PhoneAttemptCounter.objects.create(phone=PHONE, door=Door.ANONYMOUS, failures=100),
    }
    for limit, fill in prepare.items():
        PhoneCode.objects.all().delete()
        PhoneAttemptCounter.objects.all().delete()
        fill()
        before = everything()
        assert outcome(browser=BROWSER) == ("work" if limit == "L9" else "limited"), limit
        assert everything() == before, limit
