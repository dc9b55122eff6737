"""Who may get an invitation, and who may not and why.

The rules are one SQL expression, so that the number shown before a sending, the names of those left out, and the
sending itself (`directory.joining.invitations`) come from the same rows by the same rules.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
    Window,
)
from django.db.models.functions import Length, RowNumber
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
    BULK_TODAY = "bulk_today", _("Received the most batch invitations allowed in 24 hours")
    BULK_OFTEN = "bulk_often", _("Received the most batch invitations allowed in 7 days")
    JUST_NOW = "just_now", _("Received a link less than a minute ago")
    OFTEN = "often", _("Received as many links as possible in the last 24 hours")
    # The only reason that an administrator may overrule.
    RECENT = "recent", _("Received an invitation in the last 24 hours")


@dataclass(frozen=True)
class Rules:
    """Which rules apply to a sending.

    `is_bulk`: to many at once, with the limits of security.md 3.1 for that. `includes_recent`: also to those who had an
    invitation within 24 hours. `is_recovery`: to a joined member who asked for it. `share`: who asked for the links,
    since each kind of asker has a daily limit of its own. `queued`: ids of members who wait in another batch.
    """

    is_bulk: bool = False
    includes_recent: bool = False
    is_recovery: bool = False
    share: Invitation.Share = Invitation.Share.ADMINISTRATOR
    queued: QuerySet[Member, int] | None = None

    @property
    def most_per_day(self) -> int:
        """Return how many links of this share a member is sent in 24 hours."""
        is_renewal = self.share == Invitation.Share.HOLDER
        return settings.INVITATION_RENEWALS_PER_DAY if is_renewal else settings.INVITATIONS_PER_DAY

    def refusals(self) -> Case:
        """Return the expression of a member's first Reason against an invitation, "" if there is none."""
        cases = [*self._cases_of_state(), *self._cases_of_time(timezone.now())]
        return Case(*cases, default=Value(""), output_field=CharField())

    def _cases_of_state(self) -> list[When]:
        pending, active = Q(status=Member.Status.PENDING), Q(status=Member.Status.ACTIVE)
        by_code = pending & Q(activation=Member.Activation.CODE)
        cases = [
            _when(Q(deleted_at__isnull=False), Reason.IN_BIN),
            _when(Q(status=Member.Status.DISABLED), Reason.DISABLED),
        ]
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
            _when(_at_least(self.most_per_day, day.filter(share=self.share)), Reason.OFTEN),
            _when(Exists(pause), Reason.JUST_NOW),
        ]
        recent = [_when(Exists(day), Reason.RECENT)]
        return [
            *(bulk if self.is_bulk else []),
            *any_way,
            *(recent if self.is_bulk and not self.includes_recent else []),
        ]


def with_refusals(members: QuerySet[Member], rules: Rules) -> QuerySet[Any]:
    """Annotate each member's `refusal`, a Reason or ""."""
    return members.annotate(refusal=rules.refusals())


def count_invited(members: QuerySet[Member], rules: Rules) -> int:
    """Return how many of these members get an invitation."""
    return with_refusals(members, rules).filter(refusal="").count()


def count_by_refusal(members: QuerySet[Member], rules: Rules) -> Counter[Measured]:
    """Count the members by refusal and by the length of their names, on which the text depends; in one query."""
    measured = with_refusals(members, rules).annotate(length=Length("name"), size=OctetLength("name"))
    found = measured.order_by().values_list("refusal", "length", "size").annotate(number=Count("pk"))
    return Counter({Measured(*key): number for *key, number in found})


def first_by_refusal(members: QuerySet[Member], rules: Rules, most: int) -> dict[str, list[str]]:
    """Return the first names of those who get no invitation, at most so many for each reason."""
    place = Window(RowNumber(), partition_by=F("refusal"), order_by=["pinyin", "pk"])
    left_out = with_refusals(members, rules).exclude(refusal="").annotate(place=place).filter(place__lte=most)
    names: dict[str, list[str]] = defaultdict(list)
    for refusal, name in left_out.order_by("refusal", "place").values_list("refusal", "name"):
        names[refusal].append(name)
    return names


def is_dormant() -> Q:
    """Return the condition of members who last entered ENTRY_DAYS ago or earlier, as in `is_long_absent`."""
    limit = timezone.now() - timedelta(days=settings.ENTRY_DAYS)
    since_joining = Q(joined_at__lte=limit) | Q(joined_at=None, created_at__lte=limit)
    return Q(last_entered_at__lte=limit) | Q(last_entered_at=None) & since_joining


class Measured(NamedTuple):
    """What members have in common whom a plan counts together: length in characters, size in bytes of UTF-8."""

    refusal: str
    length: int
    size: int


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


def _at_least(number: int, rows: QuerySet[Invitation]) -> Q:
    """Return the condition of members with so many rows.

    PostgreSQL finds whether a member has any in a hash of all rows, and then counts those of few members.
    """
    has_any = Q(Exists(rows))
    return has_any & Q(Exists(rows.order_by("pk")[number - 1 : number])) if number > 1 else has_any
