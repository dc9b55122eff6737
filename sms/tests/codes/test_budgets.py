"""Budgets of codes that die unentered, and the alarms about them (docs/limits.md, L8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sms.codes.alarms import current_alarms, delete_expired_alarms
from sms.codes.budgets import check_budgets
from sms.codes.proof_of_work import ProofRequired
from sms.models import Alarm, Door, PhoneCode
from sms.tests.codes.asking import PHONE, ask, outcome, store, wait_for
from sms.tests.codes.solving import solve

pytestmark = pytest.mark.django_db
ELSEWHERE = {"address_block": "203.0.113.8"}


@pytest.fixture(autouse=True)
def _small_budgets(settings, time_machine):
    """Ten at least, and one for each ten members. Bulk rows are older than the conversion alarm looks."""
    time_machine.move_to(timezone.now().replace(minute=30, second=0), tick=False)
    settings.SMS_DEAD_CODES_LEAST, settings.SMS_MEMBERS_PER_DEAD_CODE = 10, 10
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 1, 2


def kinds() -> list[str]:
    return sorted(Alarm.objects.values_list("kind", flat=True))


def members(tenant, number: int) -> None:
    tenant.root.members_below = number
    tenant.root.save()


# codes that died unentered in the last hour → one more code at the sign-in page
OF_SIGN_IN = [(9, "sent"), (10, "work"), (29, "work"), (30, "limited")]


def test_the_sign_in_pages_share_one_budget():
    for number, expected in OF_SIGN_IN:
        PhoneCode.objects.all().delete()
        store(*[1200] * number, **ELSEWHERE)
        assert outcome() == expected, number
    PhoneCode.objects.update(purpose="wechat")
    assert outcome() == "limited"
    assert outcome(door=Door.PROVEN) == "sent"


def test_the_budget_grows_with_the_members_of_all_enterprises(tenant, other_tenant):
    members(tenant, 70)
    members(other_tenant, 50)
    store(*[1200] * 11, **ELSEWHERE)
    assert outcome() == "sent"
    store(1200, **ELSEWHERE)
    assert outcome("+8613700137000", address="203.0.113.9") == "work"


def test_join_links_have_the_budget_of_their_enterprise(tenant, other_tenant):
    members(tenant, 120)
    members(other_tenant, 990)
    joining = {"purpose": "apply", "subject": f"enterprise:{tenant.enterprise.pk}"}
    store(*[1200] * 11, **ELSEWHERE, **joining)
    assert outcome(**joining, enterprise=tenant.enterprise) == "sent"
    store(1200, **ELSEWHERE, **joining)
    assert outcome("+8613700137000", **joining, enterprise=tenant.enterprise, address="203.0.113.9") == "work"
    assert outcome("+8613700137000") == "sent"
    others = {"purpose": "apply", "subject": f"enterprise:{other_tenant.enterprise.pk}"}
    assert outcome("+8613600136000", **others, enterprise=other_tenant.enterprise) == "sent"


def test_what_died_within_the_hour_counts():
    """A code dies when it expires or is superseded; one that is open, was entered or is a proven one doesn't."""
    now = timezone.now()
    store(*[1200] * 9, **ELSEWHERE)
    for seconds, fields, expected in [
        (299, {}, "sent"),
        (300, {}, "work"),
        (3599 + 300, {}, "work"),
        (3600 + 300, {}, "sent"),
        (3601 + 300, {}, "sent"),
        (30, {"superseded_at": now}, "work"),
        (3700, {"superseded_at": now - timedelta(seconds=3599)}, "work"),
        (3700, {"superseded_at": now - timedelta(seconds=3600)}, "sent"),
        (4000, {"superseded_at": now}, "sent"),
        (1200, {"entered": True}, "sent"),
        (1200, {"door": Door.PROVEN}, "sent"),
        (1200, {"is_decoy": True}, "work"),
    ]:
        store(seconds, phone="+8613500135000", **{**ELSEWHERE, **fields})
        assert outcome() == expected, (seconds, fields)
        PhoneCode.objects.filter(phone__in=["+8613500135000", PHONE]).delete()


def challenge(**more: object):
    with pytest.raises(ProofRequired) as demanded:
        ask(**more)
    return demanded.value.challenge


def test_beyond_the_budget_a_code_takes_sixteen_times_the_work():
    store(*[1200] * 10, **ELSEWHERE)
    demanded = challenge()
    assert demanded.bits == 2 + 4
    assert outcome(work=solve(demanded)) == "sent"


def test_beyond_the_budget_a_block_has_one_open_code_and_what_it_has_earned():
    store(*[1200] * 10, **ELSEWHERE)
    for open_codes, entered, expected in [(0, 0, "work"), (1, 0, "limited"), (2, 1, "work"), (3, 1, "limited")]:
        here = {"address_block": "203.0.113.9"}
        PhoneCode.objects.filter(**here).delete()
        store(*[599] * open_codes, **here, expires_at=timezone.now() + timedelta(seconds=1))
        store(*[1000] * entered, entered=True, **here)
        assert outcome(address="203.0.113.9") == expected, (open_codes, entered)
    PhoneCode.objects.filter(**here).delete()
    store(600, **here)
    assert outcome(address="203.0.113.9") == "work"


def test_the_waits_end_with_the_oldest_deaths():
    store(*[1200] * 9, 3300 + 300, **ELSEWHERE)
    assert wait_for() == 300
    store(*[1200] * 20, **ELSEWHERE)
    assert wait_for() == 300
    store(1200, **ELSEWHERE)
    assert wait_for() == 2700


def test_at_three_times_the_budget_the_refusal_names_the_ways_that_remain():
    store(*[1200] * 30, **ELSEWHERE)
    with pytest.raises(Exception, match=r"^(?=.*扫)(?=.*管理员)|(?=.*scan)(?=.*administrator)"):
        ask()


def test_each_alarm_of_a_budget_is_raised_once_an_hour(tenant):
    joining = {"purpose": "apply", "subject": f"enterprise:{tenant.enterprise.pk}"}
    for number, expected in [(7, []), (1, ["nearly_spent"]), (1, ["nearly_spent"]), (1, ["nearly_spent", "spent"])]:
        store(*[1200] * number, **ELSEWHERE)
        check_budgets()
        check_budgets()
        assert kinds() == expected
    store(*[1200] * 10, **ELSEWHERE, **joining)
    check_budgets()
    assert kinds() == ["nearly_spent", "spent", "spent"]
    assert Alarm.objects.filter(enterprise=tenant.enterprise).count() == 1


def test_alarms_are_shown_a_day_and_kept_a_month(tenant, other_tenant):
    ours = Alarm.objects.create(key="1", kind="spent", enterprise=tenant.enterprise)
    alls = Alarm.objects.create(key="2", kind="conversion")
    Alarm.objects.create(key="3", kind="spent", enterprise=other_tenant.enterprise)
    assert set(current_alarms(tenant.enterprise.pk)) == {ours, alls}
    Alarm.objects.update(raised_at=timezone.now() - timedelta(days=1))
    assert not current_alarms(tenant.enterprise.pk)
    delete_expired_alarms()
    assert Alarm.objects.count() == 3
    Alarm.objects.update(raised_at=timezone.now() - timedelta(days=30, seconds=1))
    delete_expired_alarms()
    assert not Alarm.objects.exists()
