"""Send a batch of personal invitations in the background, 500 per transaction.

Each chunk locks the enterprise, reads who is still waiting, invites them and stores the outcome in one transaction: a
killed worker, or two at once, send nobody two messages. The author's permission is checked again for each chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from directory.joining.invitations import ACTIVE, PURPOSE, NumberChanged, invite_members
from directory.joining.recipients import Rules, count_invited
from directory.models import Invitation, Member
from invitations.batches.quiet_hours import quiet_until
from invitations.models import InvitationBatch, Recipient
from sms.models import Message

WORK = "invitations.tasks.send_batches"
CHUNK = 500
BROKEN = gettext_noop("Something went wrong. Invite this member separately.")
ABOUT_MAX = InvitationBatch._meta.get_field("about").max_length
State = Recipient.State
# The tabs of a batch's page.
PARTS = [State.WAITING, State.SENT, State.LEFT_OUT, "joined", "failed"]


def open_batch(
    enterprise: Enterprise,
    members: QuerySet[Member],
    *,
    by: Actor,
    about: str = "",
    chosen_by: str = "",
    includes_recent: bool = False,
    expected: int | None = None,
) -> InvitationBatch:
    """Record the recipients and wake the worker. `chosen_by` and `about` describe the filter that chose them.

    Raises NumberChanged if there are not as many messages to send as `expected`.
    """
    rules = Rules(is_bulk=True, includes_recent=includes_recent, queued=waiting_members(enterprise))
    with recording(enterprise, by=by) as record:
        if expected is not None and count_invited(members, rules) != expected:
            raise NumberChanged
        batch = InvitationBatch.objects.create(
            enterprise=enterprise,
            author=by.user,
            author_name=by.name[:64],
            chosen_by=chosen_by,
            about=about[:ABOUT_MAX],
            includes_recent=includes_recent,
        )
        ids = members.order_by("pk").values_list("pk", flat=True)
        recipients = (Recipient(batch=batch, member_id=id) for id in ids.iterator(chunk_size=5000))
        batch.total = len(Recipient.objects.bulk_create(recipients, batch_size=1000))
        batch.save(update_fields=["total"])
        record("batch_opened", batch, after={"members": batch.total, "chosen_by": chosen_by, "about": batch.about})
        transaction.on_commit(QUEUE.wake)
    return batch


def waiting_members(enterprise: Enterprise) -> QuerySet[Any, int]:
    """Return the ids of the members who wait in a batch; none of them needs another one."""
    open_batches = InvitationBatch.objects.filter(enterprise=enterprise, state=InvitationBatch.State.SENDING)
    return Recipient.objects.filter(batch__in=open_batches, state=State.WAITING).values_list("member", flat=True)


def send_batches() -> None:
    """Give turns until no batch waits; batches of enterprises in their quiet hours stay."""
    QUEUE.work_on_all()


def _work(lease: Lease[InvitationBatch]) -> None:
    batch = lease.job()
    # Reasons are stored untranslated; each message is in the enterprise's language anyway.
    with override(None):
        while _send_chunk(batch, lease) and not lease.is_turn_over and _may_send(batch):
            pass


def _send_chunk(batch: InvitationBatch, lease: Lease[InvitationBatch]) -> bool:
    """Invite the next CHUNK recipients. Return False once nobody waits. Raises LeaseLost."""
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
    members = list(
        Member.objects.select_related("enterprise").filter(pk__in=[recipient.member_id for recipient in waiting])
    )
    reasons = _out_of_reach(batch, members)
    rules = Rules(is_bulk=True, includes_recent=batch.includes_recent)
    invited = invite_members([member for member in members if member.pk not in reasons], by=by, rules=rules)
    reasons |= {member.pk: reason for member, reason in invited.left_out}
    active = dict(Invitation.objects.filter(ACTIVE, member__in=members).values_list("member", "pk"))
    for recipient in waiting:
        if recipient.member_id in reasons:
            recipient.state, recipient.why = State.LEFT_OUT, [reasons[recipient.member_id].serialize()]
        else:
            recipient.state, recipient.invitation_id = State.SENT, active.get(recipient.member_id)
            recipient.sent_at = now
    Recipient.objects.bulk_update(waiting, ["state", "why", "invitation", "sent_at"], batch_size=CHUNK)


def _out_of_reach(batch: InvitationBatch, members: Sequence[Member]) -> dict[int, TranslatableText]:
    """Return why the author may no longer invite these members, by id."""
    role = acting_role(batch.author_id, batch.enterprise_id)
    if role is None or not may(role, Permission.SEND_INVITATIONS):
        reason = TranslatableText(
            _("%(name)s no longer has permission to send invitations."), {"name": batch.author_name}
        )
        return dict.fromkeys((member.pk for member in members), reason)
    within = set(members_of(role).filter(pk__in=[member.pk for member in members]).values_list("pk", flat=True))
    reason = TranslatableText(_("No longer in a department that %(name)s manages."), {"name": batch.author_name})
    return dict.fromkeys((member.pk for member in members if member.pk not in within), reason)


def counts_of(batch: InvitationBatch) -> dict[str, int]:
    """Return the number of recipients in each of PARTS."""
    conditions = {name: Count("pk", filter=in_part(name, batch)) for name in PARTS}
    return batch.recipients.order_by().aggregate(**conditions)


def in_part(part: str, batch: InvitationBatch) -> Q:
    """Return the condition of the recipients in one of PARTS."""
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
    """Leave out the next CHUNK, which failed repeatedly, so that the others are invited."""
    with recording(lease.job().enterprise, by=task_actor("upkeep")):
        batch = lease.lock()
        waiting = list(batch.recipients.filter(state=State.WAITING).order_by("pk")[:CHUNK])
        for recipient in waiting:
            recipient.state, recipient.why = State.LEFT_OUT, [TranslatableText(BROKEN).serialize()]
        Recipient.objects.bulk_update(waiting, ["state", "why"], batch_size=CHUNK)


QUEUE: JobQueue[InvitationBatch] = JobQueue(
    InvitationBatch,
    waits=Q(state=InvitationBatch.State.SENDING),
    task=WORK,
    work=_work,
    give_up=_give_up,
    may_start=_may_send,
)
