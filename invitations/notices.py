"""Notices: personal invitations to many, sent in the background, 500 a transaction.

Each chunk takes the enterprise's lock, reads who still waits, invites them and writes down what came of it, all or
nothing: a worker that was killed, or two at once, send nobody two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.audit import Actor, recording
from accounts.models import Enterprise
from directory.models import Invitation, Member
from directory.personal_invitations import LIVING, invite_members
from invitations.models import Notice, Recipient
from sms.hints import hint_work

WORK = "invitations.tasks.send_notices"
CHUNK = 500
DAY_MAX, WEEK_MAX = 1, 3
State = Recipient.State


@dataclass(frozen=True)
class Preview:
    """How many messages a notice would be, and who is left out and why; the parts add up to `chosen`."""

    chosen: int
    messages: int
    joined: int
    disabled: int
    by_code: int
    notified_lately: int
    invited_just_now: int

    @property
    def left_out(self) -> int:
        return self.chosen - self.messages


def preview_of(members: QuerySet[Member]) -> Preview:
    pending = members.filter(status=Member.Status.PENDING)
    reachable = pending.filter(activation=Member.Activation.PHONE)
    lately = reachable.filter(pk__in=_notified_lately()).count()
    pause = timezone.now() - timedelta(seconds=settings.INVITATION_PAUSE_SECONDS)
    hasty = reachable.filter(invited_at__gt=pause).exclude(pk__in=_notified_lately()).count()
    counts = {status: members.filter(status=status).count() for status in Member.Status}
    by_phone = reachable.count()
    return Preview(
        chosen=sum(counts.values()),
        messages=by_phone - lately - hasty,
        joined=counts[Member.Status.ACTIVE],
        disabled=counts[Member.Status.DISABLED],
        by_code=counts[Member.Status.PENDING] - by_phone,
        notified_lately=lately,
        invited_just_now=hasty,
    )


def open_notice(enterprise: Enterprise, members: QuerySet[Member], *, by: Actor) -> Notice:
    """Write down who is to be invited; the worker does the rest."""
    with recording(enterprise, by=by) as record:
        notice = Notice.objects.create(enterprise=enterprise, author=by.user, author_name=by.name[:64])
        ids = members.order_by("pk").values_list("pk", flat=True)
        recipients = (Recipient(notice=notice, member_id=id) for id in ids.iterator(chunk_size=5000))
        notice.total = len(Recipient.objects.bulk_create(recipients, batch_size=1000))
        notice.save(update_fields=["total"])
        record("notice_opened", notice, after={"members": notice.total})
        transaction.on_commit(partial(hint_work, WORK))
    return notice


def send_notices() -> None:
    """Go on with every notice that is not done."""
    for notice in (
        Notice.objects.filter(state=Notice.State.SENDING).select_related("enterprise", "author").order_by("pk")
    ):
        with override(notice.enterprise.language):
            while send_chunk(notice):
                pass


def send_chunk(notice: Notice) -> bool:
    """Invite the next 500; False once nobody waits."""
    by = Actor(user=notice.author, name=notice.author_name, via="task")
    with recording(notice.enterprise, by=by):
        waiting = list(notice.recipients.filter(state=State.WAITING).order_by("pk")[:CHUNK])
        if not waiting:
            done = {"state": Notice.State.DONE, "finished_at": timezone.now()}
            Notice.objects.filter(pk=notice.pk, state=Notice.State.SENDING).update(**done)
            return False
        _invite(notice, waiting, by)
    return True


def _invite(notice: Notice, waiting: list[Recipient], by: Actor) -> None:
    now = timezone.now()
    members = list(Member.objects.select_related("enterprise").filter(pk__in=[one.member_id for one in waiting]))
    lately = set(_notified_lately().filter(member__in=members).values_list("member", flat=True))
    told = [member for member in members if member.pk in lately]
    reasons = {member.pk: _("%(name)s got a notice lately.") % {"name": member.name} for member in told}
    invited = invite_members([member for member in members if member.pk not in lately], by=by)
    reasons |= {member.pk: reason for member, reason in invited.left_out}
    living = dict(Invitation.objects.filter(LIVING, member__in=members).values_list("member", "pk"))
    for one in waiting:
        if one.member_id in reasons:
            one.state, one.reason = State.LEFT_OUT, reasons[one.member_id][:200]
        else:
            one.state, one.invitation_id, one.sent_at = State.SENT, living.get(one.member_id), now
    Recipient.objects.bulk_update(waiting, ["state", "reason", "invitation", "sent_at"], batch_size=CHUNK)


def _notified_lately() -> QuerySet[Any, Any]:
    """Ids of members who had a notice within 24 hours, or three within seven days."""
    now = timezone.now()
    week = Recipient.objects.filter(state=State.SENT, sent_at__gt=now - timedelta(days=7)).order_by()
    counted = week.values("member").annotate(
        week=Count("pk"), day=Count("pk", filter=Q(sent_at__gt=now - timedelta(days=1)))
    )
    return counted.filter(Q(day__gte=DAY_MAX) | Q(week__gte=WEEK_MAX)).values("member")


def counts_of(notice: Notice) -> dict[str, int]:
    """Sent, left out, waiting, and who of them has joined since."""
    states = dict(notice.recipients.order_by().values_list("state").annotate(Count("pk")))
    since = notice.recipients.filter(state=State.SENT, member__joined_at__gte=notice.created_at)
    return {
        "sent": states.get(State.SENT, 0),
        "left_out": states.get(State.LEFT_OUT, 0),
        "waiting": states.get(State.WAITING, 0),
        "joined": since.count(),
    }


def settled(counts: dict[str, int]) -> int:
    return counts["sent"] + counts["left_out"]
