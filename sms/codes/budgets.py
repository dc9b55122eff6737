"""Budgets of anonymous codes that die unentered, per rolling hour (docs/limits.md, L8).

They bound the cost and the guesses of floods from any number of addresses and browsers. The sign-in pages share one
budget, because one per enterprise would tell whose number it is; the join links of each enterprise have their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Least
from django.utils import timezone
from django.utils.translation import gettext as _

from sms.codes.alarms import current_window, raise_alarm
from sms.codes.limits import refuse_until
from sms.codes.member_counts import count_members
from sms.codes.open_codes import OpenCodes
from sms.codes.proof_of_work import Demand
from sms.models import Alarm, Door, PhoneCode

HOUR = timedelta(hours=1)
# Purposes for which a number that is not in the directory gets a code; their subject is the enterprise.
STRANGERS_MAY = {"apply"}


@dataclass(frozen=True)
class Budget:
    """The budget of the join links of the enterprise with this id, or of the sign-in pages (None)."""

    enterprise: int | None

    @property
    def most(self) -> int:
        members = count_members(self.enterprise)
        return max(settings.SMS_DEAD_CODES_LEAST, members // settings.SMS_MEMBERS_PER_DEAD_CODE)

    def deaths(self) -> QuerySet[PhoneCode, datetime]:
        """Return when the codes of the last hour died unentered, newest first."""
        now = timezone.now()
        codes = PhoneCode.objects.filter(
            door=Door.ANONYMOUS,
            consumed_at=None,
            created_at__gt=now - HOUR - timedelta(seconds=settings.SMS_CODE_SECONDS),
        )
        if self.enterprise is None:
            codes = codes.exclude(purpose__in=STRANGERS_MAY)
        else:
            codes = codes.filter(purpose__in=STRANGERS_MAY, subject=subject_of(self.enterprise))
        dated = codes.annotate(died_at=Coalesce(Least("superseded_at", "expires_at"), "expires_at"))
        dead = dated.filter(died_at__gt=now - HOUR, died_at__lte=now).order_by("-died_at")
        return dead.values_list("died_at", flat=True)


def subject_of(enterprise: int) -> str:
    """Return the subject of codes that an enterprise's join links ask for."""
    return f"enterprise:{enterprise}"


def demand_of_budget(enterprise: int | None, block: OpenCodes) -> Demand | None:
    """Return the work for one more code at the join links of this enterprise, or at the sign-in pages (None).

    Beyond the budget a block has SMS_OPEN_CODES_RARE open codes and what it has earned. Raise CodeLimited beyond that,
    and beyond SMS_DEAD_CODES_STOP times the budget.
    """
    budget = Budget(enterprise)
    most, deaths = budget.most, budget.deaths()
    dead = deaths.count()
    if dead < most:
        return None
    stop = most * settings.SMS_DEAD_CODES_STOP
    if dead >= stop:
        refuse_until(deaths[stop - 1] + HOUR, _stopped_text())
    block.refuse_beyond(min(settings.SMS_OPEN_CODES_RARE + block.earned, settings.SMS_OPEN_CODES_FREE_MOST))
    return Demand(settings.SMS_WORK_DOUBLINGS, deaths[most - 1] + HOUR)


def check_budgets() -> None:
    """Raise an alarm, once an hour, for each budget that is used up or nearly so."""
    since = timezone.now() - 2 * HOUR
    asked = PhoneCode.objects.filter(door=Door.ANONYMOUS, purpose__in=STRANGERS_MAY, created_at__gt=since)
    subjects = asked.order_by().values_list("subject", flat=True).distinct()
    enterprises = [int(subject.rpartition(":")[2]) for subject in subjects]
    for budget in map(Budget, [None, *enterprises]):
        _warn(budget)


def _warn(budget: Budget) -> None:
    most, dead = budget.most, budget.deaths().count()
    if dead < most * settings.SMS_DEAD_CODES_NEAR:
        return
    kind = Alarm.Kind.SPENT if dead >= most else Alarm.Kind.NEARLY_SPENT
    raise_alarm(kind, enterprise=budget.enterprise or 0, window=current_window(int(HOUR.total_seconds())))


def _stopped_text() -> str:
    return _(
        "This page sends no codes for now, because too many were requested. Use a browser that you have signed in with"
        " before, scan the QR code with a signed-in phone, or use a passkey or password. You can also ask your"
        " administrator for a personal link."
    )
