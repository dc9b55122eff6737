"""Whom a batch leaves out and why: shown before it is sent, and checked again when it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.translatable import TranslatableText
from directory.joining.invitations import refusals_of
from directory.models import Invitation, Member
from invitations.models import Recipient


@dataclass(frozen=True)
class Preview:
    """The number of messages of a batch, and of members left out by reason; these add up to `chosen`."""

    chosen: int
    joined: int
    disabled: int
    by_code: int
    notified_today: int
    notified_this_week: int
    invited_just_now: int
    invited_often: int

    @property
    def left_out(self) -> int:
        return sum(vars(self).values()) - self.chosen

    @property
    def messages(self) -> int:
        return self.chosen - self.left_out


def preview_of(members: QuerySet[Member]) -> Preview:
    """Count the members in one query; each one is left out for the first reason that applies."""
    pending = Q(status=Member.Status.PENDING)
    reachable = pending & Q(activation=Member.Activation.PHONE)
    today, week = Q(pk__in=_notified_today()), Q(pk__in=_notified_this_week())
    hasty = Q(invited_at__gt=timezone.now() - timedelta(seconds=settings.INVITATION_PAUSE_SECONDS))
    often = Q(pk__in=_invited_often())
    reasons = {
        "joined": Q(status=Member.Status.ACTIVE),
        "disabled": Q(status=Member.Status.DISABLED),
        "by_code": pending & ~Q(activation=Member.Activation.PHONE),
        "notified_today": reachable & today,
        "notified_this_week": reachable & week & ~today,
        "invited_just_now": reachable & hasty & ~today & ~week,
        "invited_often": reachable & often & ~hasty & ~today & ~week,
    }
    counts = {name: Count("pk", filter=condition) for name, condition in reasons.items()}
    return Preview(**members.order_by().aggregate(chosen=Count("pk"), **counts))


def reasons_against(members: Collection[Member]) -> dict[int, TranslatableText]:
    """Return why members may not be in a batch, by id; `invite_members` checks the other reasons itself."""
    ids = [member.pk for member in members]
    today = set(_notified_today().filter(member__in=ids).values_list("member", flat=True))
    week = set(_notified_this_week().filter(member__in=ids).values_list("member", flat=True))
    found: dict[int, TranslatableText] = {}
    for member in members:
        if member.status == Member.Status.ACTIVE:
            text = _("%(name)s has already joined.")
        elif member.pk in today:
            text = _("%(name)s received an invitation in the last 24 hours.")
        elif member.pk in week:
            text = _("%(name)s received %(count)s invitations in the last 7 days.")
        else:
            continue
        found[member.pk] = TranslatableText(text, {"name": member.name, "count": settings.BATCHES_PER_MEMBER_PER_WEEK})
    return found


def reasons_to_skip(members: Collection[Member]) -> list[str]:
    """Return for each member why they get no message, if that is so, in the reader's language."""
    found = {**refusals_of(members), **reasons_against(members)}
    return [str(found[member.pk]) for member in members if member.pk in found]


def _notified_today() -> QuerySet[Any, Any]:
    return _notified(timedelta(days=1), settings.BATCHES_PER_MEMBER_PER_DAY)


def _notified_this_week() -> QuerySet[Any, Any]:
    return _notified(timedelta(days=7), settings.BATCHES_PER_MEMBER_PER_WEEK)


def _notified(within: timedelta, times: int) -> QuerySet[Any, Any]:
    """Return the ids of members who were sent this many batches within this time."""
    sent = Recipient.objects.filter(state=Recipient.State.SENT, sent_at__gt=timezone.now() - within).order_by()
    return sent.values("member").annotate(times=Count("pk")).filter(times__gte=times).values("member")


def _invited_often() -> QuerySet[Any, Any]:
    """Return the ids of members who were sent INVITATIONS_PER_DAY links by administrators within a day."""
    sent = Invitation.objects.filter(share=Invitation.Share.ADMINISTRATOR).order_by()
    day = sent.filter(created_at__gt=timezone.now() - timedelta(days=1))
    times = day.values("member").annotate(times=Count("pk"))
    return times.filter(times__gte=settings.INVITATIONS_PER_DAY).values("member")
