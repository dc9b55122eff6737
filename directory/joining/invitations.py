"""Personal invitations: a link sent by SMS to one member, who joins by verifying the phone on record.

The token has 128 random bits (security.md 3.1) and is in the SMS only; the table holds its SHA-256. The link opens a
page, and joining takes a code, which is sent to the number on record.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise
from core.counters import free_at, seconds_until
from core.translatable import TranslatableText, messages_of
from directory.entry.entry import is_long_absent
from directory.joining.recipients import Reason, Rules, with_refusals
from directory.models import Invitation, Member
from sms.codes.actions import unlock_phones
from sms.outbox.queue import MessageRequest, cancel_messages, queue_messages
from sms.outbox.texts import render_text

PURPOSE = "invitation"
CHUNK = 500
# As long as a token, in the text that a page shows before the sending.
SAMPLE_TOKEN = "X" * 22
BULK, SINGLE = Rules(is_bulk=True), Rules()
TEXTS: dict[Reason, str] = {
    Reason.IN_BIN: gettext_noop("%(name)s is in the recycle bin."),
    Reason.JOINED: gettext_noop("%(name)s has already joined."),
    Reason.DISABLED: gettext_noop("%(name)s is disabled."),
    Reason.BY_CODE: gettext_noop("%(name)s joins with an activation code, so no SMS is sent."),
    Reason.NO_PHONE: gettext_noop("%(name)s has no phone number."),
    Reason.QUEUED: gettext_noop("%(name)s is being invited right now."),
    Reason.BULK_TODAY: gettext_noop("%(name)s received an invitation in the last 24 hours."),
    Reason.BULK_OFTEN: gettext_noop("%(name)s received %(count)s invitations in the last 7 days."),
    Reason.JUST_NOW: gettext_noop("%(name)s received a link less than a minute ago."),
    Reason.OFTEN: gettext_noop(
        "%(name)s has received %(count)s links within 24 hours, so no more can be sent for now."
    ),
    Reason.RECENT: gettext_noop("%(name)s received an invitation in the last 24 hours."),
}
DAY_SECONDS = 86_400
ACTIVE = Q(superseded_at=None, used_at=None, revoked_at=None)


class InvitationNotSent(ValidationError):
    """No link was sent. `retry_after` is in seconds; 0 if waiting does not help."""

    def __init__(self, message: str, *, params: dict[str, Any], retry_after: int = 0) -> None:
        super().__init__(message, params=params)
        self.retry_after = retry_after


class NumberChanged(Exception):
    """The number of links to send is not the confirmed one; none was sent."""


class LinkStatus(StrEnum):
    """Whether a link can be used, and if not, why."""

    ACTIVE = "active"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    USED = "used"
    CLOSED = "closed"


@dataclass
class InvitationOutcome:
    """How many links were sent, and which members were skipped for what reason."""

    sent: int = 0
    left_out: list[tuple[Member, TranslatableText]] = field(default_factory=list)


@dataclass
class History:
    """The links sent to a member before: the last number, and the times of the last 24 hours, newest first."""

    number: int = 0
    times: list[datetime] = field(default_factory=list)
    times_of_share: list[datetime] = field(default_factory=list)


def invite_member(
    member: Member,
    *,
    by: Actor,
    share: Invitation.Share = Invitation.Share.ADMINISTRATOR,
    is_recovery: bool = False,
) -> Invitation:
    """Send the member a personal link, which replaces the previous one.

    For a recovery link, the caller has checked that the member must scan and asked for it. Raises InvitationNotSent for
    a member who is deleted or disabled, has joined, has no phone, or got a link too recently.
    """
    sent, refused = _invite_chunk(member.enterprise, [member.pk], by, Rules(share=share, is_recovery=is_recovery))
    for _member, refusal in refused:
        raise refusal
    return sent[0]


def invite_members(
    members: Iterable[Member], *, by: Actor, rules: Rules = SINGLE, expected: int | None = None
) -> InvitationOutcome:
    """Send each of these members of one enterprise a personal link, in a transaction for each CHUNK.

    Safe to run again, because members who got a link less than INVITATION_PAUSE_SECONDS ago are skipped. Raises
    NumberChanged if a chunk would not send as many links as `expected`; then that chunk sends none.
    """
    chosen = list(members)
    outcome = InvitationOutcome()
    for start in range(0, len(chosen), CHUNK):
        chunk = chosen[start : start + CHUNK]
        sent, refused = _invite_chunk(chunk[0].enterprise, [member.pk for member in chunk], by, rules, expected)
        outcome.sent += len(sent)
        outcome.left_out += [(member, messages_of(refusal)[0]) for member, refusal in refused]
    return outcome


def sample_text(enterprise: Enterprise, member: Member) -> str:
    """Return the text of an invitation to this member, with a link of the usual length that leads nowhere."""
    request = _message_request(enterprise, member, SAMPLE_TOKEN, timezone.now(), is_recovery=False)
    return render_text(request.template, {**request.params, **request.secrets}, enterprise.language)


def reason_text(reason: str, name: str, *, today: int = 0) -> TranslatableText:
    """Return the reason as a sentence about one member, who was sent `today` links in the last 24 hours."""
    counts = {
        Reason.BULK_OFTEN: settings.BATCHES_PER_MEMBER_PER_WEEK,
        Reason.OFTEN: today or settings.INVITATIONS_PER_DAY,
    }
    return TranslatableText(_(TEXTS[Reason(reason)]), {"name": name, "count": counts.get(Reason(reason), 0)})


def revoke_invitations(*members: Member) -> None:
    """Revoke the members' active links and cancel the messages with them, in the caller's transaction."""
    Invitation.objects.filter(ACTIVE, member__in=members).update(revoked_at=timezone.now())
    subjects = [subject_of(member) for member in members]
    cancel_messages(purpose=PURPOSE, subject=subjects, reason=gettext_noop("The link was withdrawn."))


def find_invitation(token: str) -> Invitation | None:
    """Return the invitation with this token, usable or not."""
    return _invitations().filter(token_digest=digest_of(token)).first()


def get_invitation(id: int) -> Invitation | None:
    """Return the invitation with this id, usable or not."""
    return _invitations().filter(pk=id).first()


def active_invitation(member: Member) -> Invitation | None:
    """Return the member's link that is neither used, replaced nor revoked; it may have expired."""
    return Invitation.objects.filter(ACTIVE, member=member).first()


def open_invitations(members: Collection[Member] | QuerySet[Member]) -> QuerySet[Invitation]:
    """Return the links that still let in those of these members who haven't joined."""
    pending = Invitation.objects.filter(member__in=members, member__status=Member.Status.PENDING)
    return pending.filter(ACTIVE, expires_at__gt=timezone.now())


def link_status_of(invitation: Invitation) -> LinkStatus:
    """Return the status of the link. A new number on record supersedes links sent to the old one."""
    member = invitation.member
    if member.deleted_at or member.status == Member.Status.DISABLED:
        return LinkStatus.CLOSED
    if invitation.used_at or not (may_join(member) or invitation.is_recovery):
        return LinkStatus.USED
    if invitation.superseded_at or invitation.revoked_at or invitation.phone != member.phone:
        return LinkStatus.SUPERSEDED
    return LinkStatus.ACTIVE if timezone.now() < invitation.expires_at else LinkStatus.EXPIRED


def may_join(member: Member) -> bool:
    """Return True if a personal link lets the member in: they have not joined, or were absent for ENTRY_DAYS."""
    return member.status == Member.Status.PENDING or (member.status == Member.Status.ACTIVE and is_long_absent(member))


def subject_of(member: Member) -> str:
    """Return the subject of messages about the member's invitation."""
    return f"member:{member.pk}"


def digest_of(token: str) -> str:
    """Return the digest by which a token is found."""
    return hashlib.sha256(token.encode()).hexdigest()


def _invitations() -> QuerySet[Invitation]:
    return Invitation.objects.select_related("member__enterprise", "enterprise", "sent_by")


def _invite_chunk(
    enterprise: Enterprise, ids: Sequence[int], by: Actor, rules: Rules, expected: int | None = None
) -> tuple[list[Invitation], list[tuple[Member, InvitationNotSent]]]:
    now = timezone.now()
    with recording(enterprise, by=by) as record:
        found = Member.objects.filter(enterprise=enterprise, pk__in=ids).order_by("pk")
        members = list(with_refusals(found, rules))
        invited = [member for member in members if not member.refusal]
        if expected not in {None, len(invited)}:
            raise NumberChanged
        history = _history_of(members, rules, now)
        sent = _send_links(enterprise, invited, history, by, now, rules)
        if by.user:
            # An administrator vouches for these numbers, so codes may be tried again after too many failures.
            unlock_phones([str(member.phone) for member in invited])
        _note(record, enterprise, invited, rules.is_recovery)
    refused = [member for member in members if member.refusal]
    return sent, [(member, _refusal(member, member.refusal, history[member.pk], rules)) for member in refused]


def _send_links(
    enterprise: Enterprise,
    members: Sequence[Member],
    history: dict[int, History],
    by: Actor,
    now: datetime,
    rules: Rules,
) -> list[Invitation]:
    _supersede([member for member in members if history[member.pk].number], now)
    tokens = {member.pk: secrets.token_urlsafe(16) for member in members}
    sent = Invitation.objects.bulk_create(
        _invitation(member, tokens[member.pk], history[member.pk], by, now, rules) for member in members
    )
    Member.objects.filter(pk__in=tokens).update(invited_at=now)
    requests = [_message_request(enterprise, member, tokens[member.pk], now, rules.is_recovery) for member in members]
    queue_messages(requests)
    return sent


def _history_of(members: Sequence[Member], rules: Rules, now: datetime) -> dict[int, History]:
    history: dict[int, History] = defaultdict(History)
    rows = Invitation.objects.filter(member__in=members).order_by("-created_at")
    for member, number, share, created_at in rows.values_list("member", "number", "share", "created_at"):
        of_member = history[member]
        of_member.number = max(of_member.number, number)
        if created_at > now - timedelta(days=1):
            of_member.times.append(created_at)
            of_member.times_of_share += [created_at] if share == rules.share else []
    return history


def _refusal(member: Member, reason: str, history: History, rules: Rules) -> InvitationNotSent:
    """Return the error that tells this reason, with the seconds to wait if waiting helps."""
    text = reason_text(reason, member.name, today=len(history.times_of_share))
    wait = 0
    if reason in {Reason.JUST_NOW, Reason.OFTEN}:
        pause_ends = free_at(history.times, 1, settings.INVITATION_PAUSE_SECONDS)
        share_is_free = free_at(history.times_of_share, rules.most_per_day, DAY_SECONDS)
        wait = seconds_until(max(pause_ends, share_is_free))
    return InvitationNotSent(text.text, params=dict(text.params), retry_after=wait)


def _supersede(members: Sequence[Member], now: datetime) -> None:
    Invitation.objects.filter(ACTIVE, member__in=members).update(superseded_at=now)
    subjects = [subject_of(member) for member in members]
    cancel_messages(purpose=PURPOSE, subject=subjects, reason=gettext_noop("Replaced by a newer link."))


def _note(record: Record, enterprise: Enterprise, invited: Sequence[Member], is_recovery: bool) -> None:
    """Record one event for all of them."""
    if is_recovery and invited:
        record("recovery_link_sent", invited[0])
    elif len(invited) == 1:
        record("invitation_sent", invited[0])
    elif invited:
        record("invitations_sent", enterprise, after={"members": [member.pk for member in invited]})


def _invitation(member: Member, token: str, history: History, by: Actor, now: datetime, rules: Rules) -> Invitation:
    return Invitation(
        enterprise_id=member.enterprise_id,
        member=member,
        number=history.number + 1,
        token_digest=digest_of(token),
        phone=str(member.phone),
        sent_by=by.user,
        created_at=now,
        expires_at=now + timedelta(days=settings.INVITATION_DAYS),
        share=rules.share,
        is_recovery=rules.is_recovery,
        is_bulk=rules.is_bulk,
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
