"""The personal invitation: one SMS link to one member, who joins by proving the phone on record.

The token is 128 random bits (security.md 3.1) known to the SMS alone; the table keeps its SHA-256. A link only opens
a page: whoever holds it still needs the code, which goes to the stored number.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise
from core.translatable import TranslatableText, messages_of
from directory.entry.entry import is_long_absent
from directory.models import Invitation, Member
from sms.codes.actions import unlock_phones
from sms.outbox.queue import MessageRequest, cancel_messages, queue_messages

PURPOSE = "invitation"
CHUNK = 500
LIVING = Q(superseded_at=None, used_at=None, revoked_at=None)


class InvitationNotSent(ValidationError):
    """No link was sent. A class of its own for `retry_after`: the seconds to wait, 0 where waiting won't help."""

    def __init__(self, message: str, *, params: dict[str, Any], retry_after: int = 0) -> None:
        super().__init__(message, params=params)
        self.retry_after = retry_after


class Standing(StrEnum):
    """What a link that we issued is worth now."""

    LIVING = "living"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    USED = "used"
    CLOSED = "closed"


@dataclass
class Invited:
    """What came of inviting many: how many links were sent, who was left out and why."""

    sent: int = 0
    left_out: list[tuple[Member, TranslatableText]] = field(default_factory=list)


class Past(TypedDict):
    """What was sent to a member before."""

    number: int
    last: datetime
    today: int


def invite_member(member: Member, *, by: Actor, is_recovery: bool = False) -> Invitation:
    """Send the member a fresh personal link; the one before is dead from now on. One that `is_recovery` lets in a
    member who joined already; the caller knows that they must scan and asked for it.

    Raises InvitationNotSent for a member who is disabled, has joined, has no phone, or got one too recently.
    """
    sent, refused = _invite_chunk(member.enterprise, [member.pk], by, is_recovery=is_recovery)
    for _member, refusal in refused:
        raise refusal
    return sent[0]


def invite_members(members: Iterable[Member], *, by: Actor) -> Invited:
    """Send each of these members of one enterprise a fresh link, a transaction for each 500; safe to run again:
    whoever got one a minute ago is left out."""
    chosen = list(members)
    outcome = Invited()
    for start in range(0, len(chosen), CHUNK):
        chunk = chosen[start : start + CHUNK]
        sent, refused = _invite_chunk(chunk[0].enterprise, [member.pk for member in chunk], by)
        outcome.sent += len(sent)
        outcome.left_out += [(member, messages_of(refusal)[0]) for member, refusal in refused]
    return outcome


def revoke_invitations(*members: Member) -> None:
    """Kill their living links and the messages that wait to carry them; inside the caller's transaction."""
    Invitation.objects.filter(LIVING, member__in=members).update(revoked_at=timezone.now())
    subjects = [subject_of(member) for member in members]
    cancel_messages(purpose=PURPOSE, subject=subjects, reason=gettext_noop("The link was withdrawn."))


def find_invitation(token: str) -> Invitation | None:
    """The invitation this token opens, whatever it is worth by now; none if we never issued it."""
    return _invitations().filter(token_digest=digest_of(token)).first()


def get_invitation(id: int) -> Invitation | None:
    """The same, for a browser that opened the link before."""
    return _invitations().filter(pk=id).first()


def living_invitation(member: Member) -> Invitation | None:
    """The link that counts now, if one was sent and is not used up; it may have expired."""
    return Invitation.objects.filter(LIVING, member=member).first()


def standing_of(invitation: Invitation) -> Standing:
    """What the link is worth at this moment. A number changed on record supersedes links to the old one."""
    member = invitation.member
    if member.deleted_at or member.status == Member.Status.DISABLED:
        return Standing.CLOSED
    if invitation.used_at or not (may_join(member) or invitation.is_recovery):
        return Standing.USED
    if invitation.superseded_at or invitation.revoked_at or invitation.phone != member.phone:
        return Standing.SUPERSEDED
    return Standing.LIVING if timezone.now() < invitation.expires_at else Standing.EXPIRED


def subject_of(member: Member) -> str:
    """How the outbox names the member whom an invitation is about."""
    return f"member:{member.pk}"


def digest_of(token: str) -> str:
    """What the table keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _invitations() -> QuerySet[Invitation]:
    return Invitation.objects.select_related("member__enterprise", "enterprise", "sent_by")


def _invite_chunk(
    enterprise: Enterprise, ids: Sequence[int], by: Actor, *, is_recovery: bool = False
) -> tuple[list[Invitation], list[tuple[Member, InvitationNotSent]]]:
    now = timezone.now()
    with recording(enterprise, by=by) as record:
        members = list(Member.objects.filter(enterprise=enterprise, pk__in=ids).order_by("pk"))
        past = _past_of(members, now)
        whys = ((member, _refusal(member, past.get(member.pk), now, is_recovery)) for member in members)
        refused = [(member, why) for member, why in whys if why]
        left_out = {member.pk for member, _why in refused}
        invited = [member for member in members if member.pk not in left_out]
        _supersede([member for member in invited if member.pk in past], now)
        tokens = {member.pk: secrets.token_urlsafe(16) for member in invited}
        sent = Invitation.objects.bulk_create(
            _invitation(member, tokens[member.pk], past.get(member.pk), by, now, is_recovery) for member in invited
        )
        Member.objects.filter(pk__in=tokens).update(invited_at=now)
        queue_messages(
            [_message_request(enterprise, member, tokens[member.pk], now, is_recovery) for member in invited]
        )
        if by.user:
            # An administrator vouches for these numbers: codes that failed too often may be tried anew.
            unlock_phones([str(member.phone) for member in invited])
        _note(record, enterprise, invited, is_recovery)
    return sent, refused


def _past_of(members: Sequence[Member], now: datetime) -> dict[int, Past]:
    """For each member who was invited before: the last number and time, and how many within a day."""
    day = Q(created_at__gt=now - timedelta(days=1))
    rows = Invitation.objects.filter(member__in=members).values("member")
    figures = rows.annotate(last_number=Max("number"), last=Max("created_at"), today=Count("id", filter=day))
    return {row["member"]: Past(number=row["last_number"], last=row["last"], today=row["today"]) for row in figures}


def _refusal(member: Member, past: Past | None, now: datetime, is_recovery: bool) -> InvitationNotSent | None:
    if member.deleted_at:
        return InvitationNotSent(_("%(name)s is in the bin."), params={"name": member.name})
    if member.status == Member.Status.DISABLED:
        return InvitationNotSent(_("%(name)s is disabled."), params={"name": member.name})
    if not (may_join(member) or is_recovery):
        return InvitationNotSent(_("%(name)s has joined already."), params={"name": member.name})
    if member.activation == Member.Activation.CODE and member.status == Member.Status.PENDING:
        return InvitationNotSent(
            _("%(name)s joins with an activation code, without a message."), params={"name": member.name}
        )
    if not member.phone:
        return InvitationNotSent(_("%(name)s has no phone number."), params={"name": member.name})
    return _haste(member, past, now) if past else None


def _haste(member: Member, past: Past, now: datetime) -> InvitationNotSent | None:
    wait = settings.INVITATION_PAUSE_SECONDS - (now - past["last"]).total_seconds()
    if wait > 0:
        words = _("%(name)s was sent a link less than a minute ago.")
        return InvitationNotSent(words, params={"name": member.name}, retry_after=math.ceil(wait))
    if past["today"] >= settings.INVITATIONS_PER_DAY:
        words = _("%(name)s was sent %(count)s links today; more can be sent tomorrow.")
        return InvitationNotSent(words, params={"name": member.name, "count": past["today"]}, retry_after=86400)
    return None


def may_join(member: Member) -> bool:
    """Whether a personal link would let the member in: not joined yet, or away so long that only a link does."""
    return member.status == Member.Status.PENDING or (member.status == Member.Status.ACTIVE and is_long_absent(member))


def _supersede(members: Sequence[Member], now: datetime) -> None:
    Invitation.objects.filter(LIVING, member__in=members).update(superseded_at=now)
    subjects = [subject_of(member) for member in members]
    cancel_messages(purpose=PURPOSE, subject=subjects, reason=gettext_noop("A fresh link took its place."))


def _note(record: Record, enterprise: Enterprise, invited: Sequence[Member], is_recovery: bool) -> None:
    """One line, however many were invited at once."""
    if is_recovery and invited:
        record("recovery_link_sent", invited[0])
    elif len(invited) == 1:
        record("invitation_sent", invited[0])
    elif invited:
        record("invitations_sent", enterprise, after={"members": [member.pk for member in invited]})


def _invitation(
    member: Member, token: str, past: Past | None, by: Actor, now: datetime, is_recovery: bool
) -> Invitation:
    return Invitation(
        enterprise_id=member.enterprise_id,
        member=member,
        number=past["number"] + 1 if past else 1,
        token_digest=digest_of(token),
        phone=str(member.phone),
        sent_by=by.user,
        created_at=now,
        expires_at=now + timedelta(days=settings.INVITATION_DAYS),
        is_recovery=is_recovery,
    )


def _message_request(
    enterprise: Enterprise, member: Member, token: str, now: datetime, is_recovery: bool
) -> MessageRequest:
    return MessageRequest(
        enterprise=enterprise,
        kind="invitation",
        purpose=PURPOSE,
        subject=subject_of(member),
        to=str(member.phone),
        template="recovery" if is_recovery else "invitation",
        params={"enterprise": enterprise.name, "name": member.name, "days": str(settings.INVITATION_DAYS)},
        secrets={"link": f"{settings.PUBLIC_URL}/i/{token}/"},
        expires_at=now + timedelta(days=settings.INVITATION_DAYS),
    )
