"""The figures of the overview: onboarding progress, and who joined last."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from directory.members.list import uninvited
from directory.models import Member


@dataclass(frozen=True)
class Funnel:
    """The number of members by onboarding state."""

    joined: int
    invited: int
    not_invited: int
    disabled: int
    # Of those not invited or not joined: who could be invited by SMS, and who joins by a code.
    uninvited: int
    by_code: int

    @property
    def total(self) -> int:
        return self.joined + self.invited + self.not_invited + self.disabled

    @property
    def expected(self) -> int:
        """The number of members who have joined or are still to join."""
        return self.total - self.disabled


def funnel_of(members: QuerySet[Member]) -> Funnel:
    """Count the members in one query."""
    pending = Q(status=Member.Status.PENDING)
    counts = members.filter(deleted_at=None).aggregate(
        joined=Count("pk", filter=Q(status=Member.Status.ACTIVE)),
        invited=Count("pk", filter=pending & Q(invited_at__isnull=False)),
        not_invited=Count("pk", filter=pending & Q(invited_at=None)),
        disabled=Count("pk", filter=Q(status=Member.Status.DISABLED)),
        uninvited=Count("pk", filter=uninvited()),
        by_code=Count("pk", filter=pending & Q(activation=Member.Activation.CODE)),
    )
    return Funnel(**counts)


def recently_joined(members: QuerySet[Member]) -> QuerySet[Member]:
    """Return the five members who joined last."""
    joined = members.filter(status=Member.Status.ACTIVE, deleted_at=None, joined_at__isnull=False)
    return joined.select_related("main_department").order_by("-joined_at")[:5]
