"""Low conversion: the condition, the work it demands, and the alarm (docs/limits.md, L9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sms.codes.conversion import check_conversion, demand_of_conversion
from sms.models import Alarm, Door, PhoneCode
from sms.tests.codes.asking import outcome, store

pytestmark = pytest.mark.django_db
# Several codes to one block would demand work by themselves.
SPREAD = {"address_block": "203.0.113.8"}


@pytest.fixture(autouse=True)
def _clock_stands_still(time_machine):
    time_machine.move_to(timezone.now().replace(minute=2, second=0), tick=False)


# (codes, seconds ago, entered) … → whether every code takes work
CONDITIONS = [
    ([(49, 200, 0)], False),
    ([(50, 200, 0)], True),
    ([(36, 200, 0), (14, 200, 14)], True),
    ([(35, 200, 0), (15, 200, 15)], False),
    ([(71, 200, 0), (29, 200, 29)], True),
    # Those asked for in the last three minutes may still be entered.
    ([(50, 179, 0)], False),
    ([(50, 180, 0)], True),
    ([(41, 179, 0), (9, 180, 0)], False),
    ([(40, 179, 0), (10, 180, 0)], True),
    ([(40, 179, 40), (10, 180, 0)], True),
    ([(50, 599, 0)], True),
    ([(50, 600, 0)], False),
]


def test_condition():
    for groups, is_low in CONDITIONS:
        PhoneCode.objects.all().delete()
        for number, seconds, entered in groups:
            store(*[seconds] * number, entered=bool(entered), **SPREAD)
        assert check_conversion() == bool(demand_of_conversion()) == is_low, groups
        assert outcome() == ("work" if is_low else "sent"), groups
        assert outcome(door=Door.PROVEN) == "sent"
        Alarm.objects.all().delete()


def test_decoys_count_and_codes_of_the_proven_door_do_not():
    store(*[200] * 50, is_decoy=True, **SPREAD)
    assert outcome() == "work"
    PhoneCode.objects.update(door=Door.PROVEN)
    assert outcome() == "sent"


def test_the_work_doubles_every_ten_minutes_up_to_sixteen_times():
    now = timezone.now()

    def doublings(*ages: int) -> int | None:
        Alarm.objects.all().delete()
        for seconds in ages:
            Alarm.objects.create(key=str(seconds), kind="conversion", raised_at=now - timedelta(seconds=seconds))
        demand = demand_of_conversion()
        return demand.doublings if demand else None

    assert doublings() is None
    assert doublings(0) == doublings(599) == 0
    assert doublings(600) == doublings(1199) == 1
    assert doublings(1200) is None
    assert doublings(10, 610) == 1
    assert doublings(10, 1209) == 2
    assert doublings(10, 1210) == 0
    assert doublings(10, 610, 1210, 1810) == 3
    assert doublings(10, 610, 1210, 1810, 2410) == 4
    assert doublings(10, 610, 1210, 1810, 2410, 3010, 3610) == 4


def test_the_alarm_is_raised_once_in_ten_minutes():
    store(*[200] * 60, **SPREAD)
    assert check_conversion()
    assert check_conversion()
    assert [alarm.kind for alarm in Alarm.objects.all()] == ["conversion"]
