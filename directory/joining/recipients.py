"""Who may get an invitation, and who may not and why.

The rules are one SQL expression, so that the number shown before a sending, the names of those left out, and the
sending itself (`directory.joining.invitations`) come from the same rows by the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Length
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from directory.models import Invitation, Member


class Reason(TextChoices):
    """Why a member gets no invitation; the label is for a list of reasons."""

    IN_BIN = "in_bin", _("In recycle bin")
    JOINED = "joined", _("Already joined")
    DISABLED = "disabled", _("Disabled")
    BY_CODE = "by_code", _("Joins with an activation code")
    NO_PHONE = "no_phone", _("No phone number")
    # Waiting in another batch.
    QUEUED = "queued", _("Being invited right now")
    BULK_TODAY = "bulk_today", _("Received an invitation together with others in the last 24 hours")
    BULK_OFTEN = "bulk_often", _("Received the most invitations allowed in 7 days")
    JUST_NOW = "just_now", _("Received a link less than a minute ago")
    OFTEN = "often", _("Reached today's invitation limit")
    # The only reason that an administrator may overrule.
    RECENT = "recent", _("Received an invitation in the last 24 hours")


@dataclass(frozen=True)
class Rules:
    """Which rules apply to a sending.

    `is_bulk`: to many at once, with the limits of security.md 3.1 for that. `includes_recent`: also to those who had an
    invitation within 24 hours. `is_recovery`: to a joined member who asked for it. `queued`: ids of members who wait in
    another batch.
    """

    is_bulk: bool = False
    includes_recent: bool = False
    is_recovery: bool = False
    queued: QuerySet[Member, int] | None = None

    def refusals(self) -> Case:
        """Return the expression of a member's first Reason against an invitation, "" if there is none."""
        cases = [*self._cases_of_state(), *self._cases_of_time(timezone.now())]
        return Case(*cases, default=Value(""), output_field=CharField())

    def _cases_of_state(self) -> list[When]:
        pending, active = Q(status=Member.Status.PENDING), Q(status=Member.Status.ACTIVE)
        by_code = pending & Q(activation=Member.Activation.CODE)
        cases = [_when(Q(deleted_at__isnull=False), Reason.IN_BIN), _when(Q(status="disabled"), Reason.DISABLED)]
        if not self.is_recovery:
            cases.append(_when(active if self.is_bulk else active & ~is_dormant(), Reason.JOINED))
        cases += [_when(by_code, Reason.BY_CODE), _when(Q(phone=None), Reason.NO_PHONE)]
        return cases if self.queued is None else [*cases, _when(Q(pk__in=self.queued), Reason.QUEUED)]

    def _cases_of_time(self, now: datetime) -> list[When]:
        day, week, pause = (
            _sent_since(now - age)
            for age in (timedelta(days=1), timedelta(days=7), timedelta(seconds=settings.INVITATION_PAUSE_SECONDS))
        )
        bulk = [
            _when(_at_least(settings.BATCHES_PER_MEMBER_PER_DAY, day.filter(is_bulk=True)), Reason.BULK_TODAY),
            _when(_at_least(settings.BATCHES_PER_MEMBER_PER_WEEK, week.filter(is_bulk=True)), Reason.BULK_OFTEN),
        ]
        any_way = [
            _when(Exists(pause), Reason.JUST_NOW),
            _when(_at_least(settings.INVITATIONS_PER_DAY, day), Reason.OFTEN),
        ]
        recent = [_when(Exists(day), Reason.RECENT)]
        return [
            *(bulk if self.is_bulk else []),
            *any_way,
            *(recent if self.is_bulk and not self.includes_recent else []),
        ]


def with_refusals(members: QuerySet[Member], rules: Rules) -> QuerySet[Member]:
    """Annotate each member's `refusal`, a Reason or ""."""
    return members.annotate(refusal=rules.refusals())


def count_refusals(members: QuerySet[Member], rules: Rules) -> dict[str, int]:
    """Return the number of members by refusal, in one query; those under "" get an invitation."""
    found = with_refusals(members, rules).order_by().values_list("refusal").annotate(number=Count("pk"))
    return dict(found)


def count_names(members: QuerySet[Member], rules: Rules) -> list[tuple[int, int, int]]:
    """Return how many of those who get an invitation have a name of so many characters and so many bytes of UTF-8."""
    invited = with_refusals(members, rules).filter(refusal="").order_by()
    measured = invited.annotate(length=Length("name"), size=OctetLength("name"))
    return list(measured.values_list("length", "size").annotate(number=Count("pk")))


def is_dormant() -> Q:
    """Return the condition of members who last entered ENTRY_DAYS ago or earlier, as in `is_long_absent`."""
    limit = timezone.now() - timedelta(days=settings.ENTRY_DAYS)
    since_joining = Q(joined_at__lte=limit) | Q(joined_at=None, created_at__lte=limit)
    return Q(last_entered_at__lte=limit) | Q(last_entered_at=None) & since_joining


class OctetLength(Func):
    """The number of bytes of a text in UTF-8."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def _when(condition: Q | Exists, reason: Reason) -> When:
    return When(condition, then=Value(reason.value))


def _sent_since(moment: datetime) -> QuerySet[Invitation]:
    """Return the member's invitations since then, for a subquery."""
    return Invitation.objects.filter(member=OuterRef("pk"), created_at__gt=moment)


def _at_least(number: int, rows: QuerySet[Invitation]) -> Exists:
    return Exists(rows.order_by("pk")[number - 1 : number])
