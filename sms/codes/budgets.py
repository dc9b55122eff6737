"""Budgets: codes per enterprise and day, and codes of all enterprises per hour (security.md 1.2).

They bound the cost of floods that stay below the limits per number, browser and address. Four fifths of a budget raise
an alarm; beyond the budget, codes are sent to members only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext as _

from core.models import Counter
from sms.codes.alarms import current_window, raise_alarm
from sms.codes.limits import CodeLimited, seconds_until
from sms.codes.member_counts import count_members
from sms.models import Alarm, PhoneCode

DAY_SECONDS, HOUR_SECONDS = 86400, 3600
NEAR = 0.8


@dataclass(frozen=True)
class Budget:
    """At most `most` codes per window. `enterprise` is 0 for the budget of all enterprises together."""

    key: str
    seconds: int
    most: int
    enterprise: int

    @property
    def window(self) -> datetime:
        return current_window(self.seconds)


def spend_code(code: PhoneCode, enterprise: int | None) -> None:
    """Count the code in the caller's transaction. Raise CodeLimited for a stranger beyond a budget.

    A decoy counts nowhere and a code without an enterprise only in the hourly budget, with the same statements.
    """
    budgets = [
        Budget("codes", HOUR_SECONDS, settings.SMS_CODES_OF_ALL_PER_HOUR, 0),
        Budget(f"codes {enterprise or 0}", DAY_SECONDS, _codes_per_day(enterprise or 0), enterprise or 0),
    ]
    counts = _count(budgets, by=0 if code.is_decoy else 1)
    if code.is_decoy:
        return
    for budget in budgets if enterprise else budgets[:1]:
        count = counts.get(budget.key, 0)
        if count > budget.most and code.is_stranger:
            text = _("No more codes can be sent right now. Try again later, or contact your administrator.")
            raise CodeLimited(text, seconds_until(budget.window + timedelta(seconds=budget.seconds)))
        _warn(budget, count)


def _warn(budget: Budget, count: int) -> None:
    """Raise the alarm with the last code within the budget: a refusal would roll it back."""
    if count >= budget.most:
        raise_alarm(Alarm.Kind.SPENT, enterprise=budget.enterprise, window=budget.window)
    elif count >= budget.most * NEAR:
        raise_alarm(Alarm.Kind.NEARLY_SPENT, enterprise=budget.enterprise, window=budget.window)


def _codes_per_day(enterprise: int) -> int:
    return max(settings.SMS_CODES_OF_ENTERPRISE_LEAST, settings.SMS_CODES_PER_MEMBER * count_members(enterprise))


def _count(budgets: list[Budget], *, by: int) -> dict[str, int]:
    """Add `by` to the counter of each budget and return the counts by key. Locks the rows until the commit."""
    rows = [Counter(key=budget.key, window=budget.window) for budget in budgets]
    Counter.objects.bulk_create(rows, ignore_conflicts=True)
    counters = Counter.objects.filter(reduce(or_, (Q(key=row.key, window=row.window) for row in rows)))
    counters.update(count=F("count") + by)
    return dict(counters.values_list("key", "count"))
