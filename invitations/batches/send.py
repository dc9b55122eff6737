"""Send a batch of personal invitations in the background, 500 per transaction.

Each chunk takes the enterprise's lock, reads who still waits, invites them and stores the outcome, all or nothing: a
worker that was killed, or two at once, send nobody two. The author's right is read again for each chunk.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from accounts.audit.recording import Actor, recording, task_actor
from accounts.models import Enterprise
from accounts.permissions import Permission, acting_role, may
from core.leased_jobs import JobQueue, Lease
from core.translatable import TranslatableText
from directory.access import members_of
from directory.joining.invitations import LIVING, PURPOSE, invite_members
from directory.models import Invitation, Member
from invitations.batches.limits import reasons_against
from invitations.batches.quiet_hours import quiet_until
from invitations.models import InvitationBatch, Recipient
from sms.models import Message

WORK = "invitations.tasks.send_batches"
CHUNK = 500
BROKEN = gettext_noop("Something broke on our side. Please invite this member by hand.")
ABOUT_MAX = InvitationBatch._meta.get_field("about").max_length
State = Recipient.State
# What a batch's list can be narrowed to.
PARTS = [State.WAITING, State.SENT, State.LEFT_OUT, "joined", "failed"]


def open_batch(enterprise: Enterprise, members: QuerySet[Member], *, by: Actor, about: str = "") -> InvitationBatch:
    """Write down who is to be invited; the worker does the rest. `about`: whom it is meant for, in words."""
    with recording(enterprise, by=by) as record:
        batch = InvitationBatch.objects.create(
            enterprise=enterprise, author=by.user, author_name=by.name[:64], about=about[:ABOUT_MAX]
        )
        ids = members.order_by("pk").values_list("pk", flat=True)
        recipients = (Recipient(batch=batch, member_id=id) for id in ids.iterator(chunk_size=5000))
        batch.total = len(Recipient.objects.bulk_create(recipients, batch_size=1000))
        batch.save(update_fields=["total"])
        record("batch_opened", batch, after={"members": batch.total, "about": batch.about})
        transaction.on_commit(QUEUE.wake)
    return batch


def send_batches() -> None:
    """Give each batch that waits its turn, until none waits; those of enterprises in their quiet hours stay."""
    QUEUE.work_on_all()


def _work(lease: Lease[InvitationBatch]) -> None:
    batch = lease.job()
    # Reasons are stored for readers of any language, and each message is in the enterprise's anyway.
    with override(None):
        while _send_chunk(batch, lease) and not lease.is_turn_over and _may_send(batch):
            pass


def _send_chunk(batch: InvitationBatch, lease: Lease[InvitationBatch]) -> bool:
    """Invite the next 500; return False once nobody waits. Raises LeaseLost."""
    by = Actor(user=batch.author, name=batch.author_name, via="task")
    with recording(batch.enterprise, by=by):
        lease.renew()
        waiting = list(batch.recipients.filter(state=State.WAITING).order_by("pk")[:CHUNK])
        if not waiting:
            lease.renew(state=InvitationBatch.State.DONE, finished_at=timezone.now())
            return False
        _invite(batch, waiting, by)
    return True


def _may_send(batch: InvitationBatch) -> bool:
    return quiet_until(batch.enterprise) is None


def _invite(batch: InvitationBatch, waiting: list[Recipient], by: Actor) -> None:
    now = timezone.now()
    members = list(Member.objects.select_related("enterprise").filter(pk__in=[one.member_id for one in waiting]))
    reasons = _out_of_reach(batch, members)
    reasons |= reasons_against([member for member in members if member.pk not in reasons])
    invited = invite_members([member for member in members if member.pk not in reasons], by=by)
    reasons |= {member.pk: reason for member, reason in invited.left_out}
    living = dict(Invitation.objects.filter(LIVING, member__in=members).values_list("member", "pk"))
    for one in waiting:
        if one.member_id in reasons:
            one.state, one.why = State.LEFT_OUT, [reasons[one.member_id].serialize()]
        else:
            one.state, one.invitation_id, one.sent_at = State.SENT, living.get(one.member_id), now
    Recipient.objects.bulk_update(waiting, ["state", "why", "invitation", "sent_at"], batch_size=CHUNK)


def _out_of_reach(batch: InvitationBatch, members: Sequence[Member]) -> dict[int, TranslatableText]:
    """Return why the author may no longer invite these members, by id."""
    role = acting_role(batch.author_id, batch.enterprise_id)
    if role is None or not may(role, Permission.SEND_INVITATIONS):
        words = TranslatableText(_("%(name)s may no longer send invitations."), {"name": batch.author_name})
        return dict.fromkeys((member.pk for member in members), words)
    within = set(members_of(role).filter(pk__in=[member.pk for member in members]).values_list("pk", flat=True))
    words = TranslatableText(_("No longer in the departments of %(name)s."), {"name": batch.author_name})
    return dict.fromkeys((member.pk for member in members if member.pk not in within), words)


def counts_of(batch: InvitationBatch) -> dict[str, int]:
    """Sent, left out, waiting, who of them has joined since, and whose message failed."""
    conditions = {name: Count("pk", filter=those(name, batch)) for name in PARTS}
    return batch.recipients.order_by().aggregate(**conditions)


def those(part: str, batch: InvitationBatch) -> Q:
    """The recipients that a part of the batch's list shows."""
    if part == "joined":
        return Q(state=State.SENT, member__joined_at__gte=batch.created_at)
    if part == "failed":
        messages = Message.objects.filter(purpose=PURPOSE, state__in=Message.FAILED)
        subject = Concat(Value("member:"), Cast(OuterRef("member_id"), CharField()))
        return Q(Exists(messages.filter(subject=subject, logical_no=OuterRef("invitation__number"))))
    return Q(state=part)


def settled(counts: dict[str, int]) -> int:
    return counts[State.SENT] + counts[State.LEFT_OUT]


def _give_up(lease: Lease[InvitationBatch]) -> None:
    """Leave out the next 500, whom inviting failed again and again, so that the others get their turn."""
    with recording(lease.job().enterprise, by=task_actor("upkeep")):
        batch = lease.lock()
        for one in (waiting := list(batch.recipients.filter(state=State.WAITING).order_by("pk")[:CHUNK])):
            one.state, one.why = State.LEFT_OUT, [TranslatableText(BROKEN).serialize()]
        Recipient.objects.bulk_update(waiting, ["state", "why"], batch_size=CHUNK)


QUEUE: JobQueue[InvitationBatch] = JobQueue(
    InvitationBatch,
    waits=Q(state=InvitationBatch.State.SENDING),
    task=WORK,
    work=_work,
    give_up=_give_up,
    may_start=_may_send,
)
