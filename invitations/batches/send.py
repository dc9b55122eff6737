"""Notices: personal invitations to many, sent in the background, 500 a transaction.

Each chunk takes the enterprise's lock, reads who still waits, invites them and writes down what came of it, all or
nothing: a worker that was killed, or two at once, send nobody two.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import override

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from core.translatable import keep
from core.wakeups import wake_worker
from directory.joining.invitations import LIVING, PURPOSE, invite_members
from directory.models import Invitation, Member
from invitations.batches.limits import reasons_against
from invitations.batches.quiet_hours import quiet_until
from invitations.models import InvitationBatch, Recipient
from sms.models import Message

WORK = "invitations.tasks.send_batches"
CHUNK = 500
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
        transaction.on_commit(partial(wake_worker, WORK))
    return batch


def send_batches() -> None:
    """Go on with every batch that is not done, but for enterprises that have their quiet hours."""
    for batch in (
        InvitationBatch.objects.filter(state=InvitationBatch.State.SENDING)
        .select_related("enterprise", "author")
        .order_by("pk")
    ):
        # Reasons are kept for readers of any language, and each message is in the enterprise's anyway.
        with override(None):
            while not quiet_until(batch.enterprise) and send_chunk(batch):
                pass


def send_chunk(batch: InvitationBatch) -> bool:
    """Invite the next 500; False once nobody waits."""
    by = Actor(user=batch.author, name=batch.author_name, via="task")
    with recording(batch.enterprise, by=by):
        waiting = list(batch.recipients.filter(state=State.WAITING).order_by("pk")[:CHUNK])
        if not waiting:
            done = {"state": InvitationBatch.State.DONE, "finished_at": timezone.now()}
            InvitationBatch.objects.filter(pk=batch.pk, state=InvitationBatch.State.SENDING).update(**done)
            return False
        _invite(batch, waiting, by)
    return True


def _invite(batch: InvitationBatch, waiting: list[Recipient], by: Actor) -> None:
    now = timezone.now()
    members = list(Member.objects.select_related("enterprise").filter(pk__in=[one.member_id for one in waiting]))
    reasons = reasons_against(members)
    invited = invite_members([member for member in members if member.pk not in reasons], by=by)
    reasons |= {member.pk: reason for member, reason in invited.left_out}
    living = dict(Invitation.objects.filter(LIVING, member__in=members).values_list("member", "pk"))
    for one in waiting:
        if one.member_id in reasons:
            one.state, one.why = State.LEFT_OUT, [keep(reasons[one.member_id])]
        else:
            one.state, one.invitation_id, one.sent_at = State.SENT, living.get(one.member_id), now
    Recipient.objects.bulk_update(waiting, ["state", "why", "invitation", "sent_at"], batch_size=CHUNK)


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
