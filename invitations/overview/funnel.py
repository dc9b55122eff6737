"""What an administrator wants to know at a glance: how far the way in has come, and what waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import Enterprise
from directory.models import Domain, Member
from sms.models import Message

RECENT_DAYS = 7


@dataclass(frozen=True)
class Funnel:
    """Members by how far they have come; the parts add up to `total`."""

    joined: int
    invited: int
    not_invited: int
    disabled: int

    @property
    def total(self) -> int:
        return self.joined + self.invited + self.not_invited + self.disabled

    @property
    def expected(self) -> int:
        """Those who have joined or are still to join."""
        return self.total - self.disabled


def funnel_of(members: QuerySet[Member]) -> Funnel:
    """One aggregate over `members` (those the reader may see)."""
    pending = Q(status=Member.Status.PENDING)
    counts = members.filter(deleted_at=None).aggregate(
        joined=Count("pk", filter=Q(status=Member.Status.ACTIVE)),
        invited=Count("pk", filter=pending & Q(invited_at__isnull=False)),
        not_invited=Count("pk", filter=pending & Q(invited_at=None)),
        disabled=Count("pk", filter=Q(status=Member.Status.DISABLED)),
    )
    return Funnel(**counts)


def failed_messages(enterprise: Enterprise) -> int:
    """Those of the last RECENT_DAYS that did not arrive, or of which nobody knows; codes aside: whoever waits for one
    asks for another."""
    since = timezone.now() - timedelta(days=RECENT_DAYS)
    failed = Message.objects.filter(enterprise=enterprise, state__in=Message.FAILED, created_at__gte=since)
    return failed.exclude(kind=Message.Kind.CODE).count()


def domains_without_webmail(enterprise: Enterprise) -> QuerySet[Domain]:
    """Domains whose members can't open their mailbox from here."""
    return Domain.objects.filter(enterprise=enterprise, webmail_url="").order_by("name")


def recently_joined(members: QuerySet[Member]) -> QuerySet[Member]:
    """The newest five who have joined."""
    joined = members.filter(status=Member.Status.ACTIVE, deleted_at=None, joined_at__isnull=False)
    return joined.select_related("main_department").order_by("-joined_at")[:5]
