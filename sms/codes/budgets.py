"""How many codes an enterprise may send in a day, and all together in an hour (security.md 1.2).

At four fifths an alarm tells administrators; once all is spent strangers get no more, members still do. The limits of
numbers, browsers and addresses stand before this: a budget is for what gets past them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import Counter
from sms.codes.alarms import raise_alarm, window_now
from sms.codes.limits import CodeLimited
from sms.codes.member_counts import count_members
from sms.models import Alarm, PhoneCode

DAY_SECONDS, HOUR_SECONDS = 86400, 3600
NEAR = 0.8


@dataclass(frozen=True)
class Budget:
    """So many codes in each window of so many seconds. `enterprise`: whose, 0 for all together."""

    key: str
    seconds: int
    most: int
    enterprise: int

    @property
    def window(self) -> datetime:
        return window_now(self.seconds)


def spend_code(code: PhoneCode, enterprise: int | None) -> None:
    """Count this code, in the caller's transaction. Raises CodeLimited for a stranger beyond a budget.

    A decoy and a code without an enterprise cost nothing, by the same statements.
    """
    budgets = [
        Budget("codes", HOUR_SECONDS, settings.SMS_CODES_OF_ALL_PER_HOUR, 0),
        Budget(f"codes {enterprise or 0}", DAY_SECONDS, _codes_per_day(enterprise or 0), enterprise or 0),
    ]
    counts = _count(budgets, by=0 if code.is_decoy else 1)
    for budget in budgets:
        count = counts.get(budget.key, 0)
        if code.is_decoy or (budget.seconds == DAY_SECONDS and not enterprise):
            continue
        if count > budget.most and code.is_stranger:
            ends = budget.window + timedelta(seconds=budget.seconds)
            words = _("No more codes can be sent at the moment. Please try again later, or ask your administrator.")
            raise CodeLimited(words, max(1, int((ends - timezone.now()).total_seconds())))
        _warn(budget, count)


def _warn(budget: Budget, count: int) -> None:
    """Once in a window: the code that spends the last of it is still sent, so that the alarm is kept with it."""
    if count >= budget.most:
        raise_alarm(Alarm.Kind.SPENT, enterprise=budget.enterprise, window=budget.window)
    elif count >= budget.most * NEAR:
        raise_alarm(Alarm.Kind.NEARLY_SPENT, enterprise=budget.enterprise, window=budget.window)


def _codes_per_day(enterprise: int) -> int:
    return max(settings.SMS_CODES_OF_ENTERPRISE_LEAST, settings.SMS_CODES_PER_MEMBER * count_members(enterprise))


def _count(budgets: list[Budget], *, by: int) -> dict[str, int]:
    """One more in each, and how many that makes; the rows are locked until the commit."""
    rows = [Counter(key=budget.key, window=budget.window) for budget in budgets]
    Counter.objects.bulk_create(rows, ignore_conflicts=True)
    mine = Q(pk__in=[])
    for row in rows:
        mine |= Q(key=row.key, window=row.window)
    Counter.objects.filter(mine).update(count=F("count") + by)
    return dict(Counter.objects.filter(mine).values_list("key", "count"))
