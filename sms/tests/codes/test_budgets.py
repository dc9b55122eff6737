"""Budgets of codes and the alarms about them, at their boundaries (security.md 1.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Counter
from sms.codes.actions import CodeLimited, send_code
from sms.codes.alarms import current_alarms, purge_alarms, watch_conversion
from sms.models import Alarm, Message, PhoneCode

pytestmark = pytest.mark.django_db
START = 13800000000


@pytest.fixture(autouse=True)
def _small_budgets(settings):
    settings.SMS_CODES_OF_ENTERPRISE_LEAST, settings.SMS_CODES_PER_MEMBER = 10, 3
    settings.SMS_CODES_OF_ALL_PER_HOUR = 1000


def ask(number: int, enterprise=None, *, is_listed: bool = False, purpose: str = "apply") -> PhoneCode:
    """Each by another browser, at another address, to a number of another block: no other limit is met."""
    return send_code(
        phone=f"+86{START + number * 100_000}",
        purpose=purpose,
        browser=f"browser {number}",
        address=f"10.0.0.{number}",
        language="en",
        enterprise=enterprise,
        is_listed=is_listed,
    )


def kinds() -> list[str]:
    return sorted(Alarm.objects.values_list("kind", flat=True))


def test_a_stranger_beyond_the_enterprises_budget_gets_no_code(enterprise):
    for number in range(10):
        ask(number, enterprise)
    with pytest.raises(CodeLimited) as limited:
        ask(11, enterprise)
    assert 0 < limited.value.retry_after <= 86400
    assert Message.objects.count() == 10


def test_a_member_gets_a_code_though_all_are_spent(enterprise):
    for number in range(10):
        ask(number, enterprise)
    ask(11, enterprise, is_listed=True, purpose="login")
    assert Message.objects.filter(state="pending").count() == 11


def test_three_a_member_are_the_budget_of_a_larger_enterprise(tenant):
    tenant.root.members_below = 5
    tenant.root.save()
    for number in range(15):
        ask(number, tenant.enterprise)
    with pytest.raises(CodeLimited):
        ask(15, tenant.enterprise)


def test_another_enterprise_has_a_budget_of_its_own(tenant, other_tenant):
    for number in range(10):
        ask(number, tenant.enterprise)
    ask(11, other_tenant.enterprise)


def test_all_together_have_a_budget_an_hour(enterprise, settings):
    settings.SMS_CODES_OF_ALL_PER_HOUR = 5
    for number in range(5):
        ask(number, enterprise)
    with pytest.raises(CodeLimited) as limited:
        ask(6, enterprise)
    assert limited.value.retry_after <= 3600
    Counter.objects.filter(key="codes").update(window=timezone.now() - timedelta(hours=2))
    ask(6, enterprise)


def test_four_fifths_warn_and_the_last_one_sounds_the_alarm_once_each(enterprise):
    for number in range(7):
        ask(number, enterprise)
    assert kinds() == []
    ask(7, enterprise)
    assert kinds() == ["nearly_spent"]
    ask(8, enterprise)
    ask(9, enterprise)
    assert kinds() == ["nearly_spent", "spent"]
    ask(10, enterprise, is_listed=True)
    assert kinds() == ["nearly_spent", "spent"]


def test_what_sends_no_sms_costs_nothing(enterprise):
    """A number nobody knows, on the sign-in page."""
    for number in range(30):
        ask(number, purpose="login")
    assert kinds() == []
    assert list(Counter.objects.values_list("count", flat=True)) == [0, 0]
    ask(40, enterprise)


def test_a_refused_code_is_not_counted(enterprise):
    for number in range(10):
        ask(number, enterprise)
    for number in range(11, 14):
        with pytest.raises(CodeLimited):
            ask(number, enterprise)
    assert sorted(Counter.objects.values_list("count", flat=True)) == [10, 10]


# --- conversion


def codes(sent: int, entered: int, *, seconds: int = 0, is_decoy: bool = False) -> None:
    at = timezone.now() - timedelta(seconds=seconds)
    PhoneCode.objects.bulk_create(
        PhoneCode(
            phone=f"+86138{number:08}", purpose="login", browser="b", digest="d", serial=1, is_decoy=is_decoy,
            created_at=at, expires_at=at, consumed_at=at if number < entered else None,
        )
        for number in range(sent)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "entered", "sounds"), [(49, 0, False), (50, 14, True), (50, 15, False), (100, 29, True)]
)
def test_the_alarm_sounds_where_few_codes_are_entered(sent, entered, sounds):
    codes(sent, entered)
    assert watch_conversion() == sounds
    assert kinds() == (["conversion"] if sounds else [])


def test_only_the_last_ten_minutes_and_real_codes_count():
    codes(60, 0, seconds=601)
    codes(60, 0, is_decoy=True)
    assert not watch_conversion()


def test_it_sounds_once_in_ten_minutes(time_machine):
    time_machine.move_to(timezone.now().replace(minute=2, second=0), tick=False)
    codes(60, 0)
    assert watch_conversion()
    assert watch_conversion()
    assert kinds() == ["conversion"]


def test_alarms_are_shown_a_day_and_kept_a_month(tenant, other_tenant):
    ours = Alarm.objects.create(key="1", kind="spent", enterprise=tenant.enterprise)
    alls = Alarm.objects.create(key="2", kind="conversion")
    Alarm.objects.create(key="3", kind="spent", enterprise=other_tenant.enterprise)
    assert set(current_alarms(tenant.enterprise.pk)) == {ours, alls}
    Alarm.objects.update(raised_at=timezone.now() - timedelta(days=1))
    assert not current_alarms(tenant.enterprise.pk)
    purge_alarms()
    assert Alarm.objects.count() == 3
    Alarm.objects.update(raised_at=timezone.now() - timedelta(days=30, seconds=1))
    purge_alarms()
    assert not Alarm.objects.exists()
