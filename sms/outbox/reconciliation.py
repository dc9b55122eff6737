"""What became of messages whose outcome nobody saw: a timeout, a broken answer, a worker that was killed.

The provider is asked for what it sent to that number; only if it knows nothing of the message for SMS_LOST_SECONDS is
an invitation tried once more, and by itself never a second time. A code never is: whoever waits for it asks for a new
one. What can't be found out stays "outcome unknown" for an administrator to decide.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from core.encryption import DecryptionFailed
from sms.gateways import CannotTellYet, LookingGateway, open_gateway
from sms.models import Message
from sms.outbox.delivery import open_letter
from sms.outbox.reports import note_report
from sms.wakeups import wake_messages

State = Message.State
AT_ONCE = 20


def reconcile_unknown() -> int:
    """Look for those that are due, a few at a time: each costs a request. Returns how many."""
    due = Message.objects.filter(state=State.UNKNOWN, next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    looked_for = list(due[:AT_ONCE])
    for message in looked_for:
        _reconcile(message)
    return len(looked_for)


def confirm_message(id: int) -> bool:
    """An administrator knows that it arrived. False if its outcome is known by now."""
    unknown = Message.objects.filter(pk=id, state=State.UNKNOWN)
    words = _("Confirmed by an administrator.")
    return bool(unknown.update(state=State.SENT, reason=words, encrypted="", next_attempt_at=None))


def _reconcile(message: Message) -> None:
    now = timezone.now()
    next_look = now + timedelta(seconds=settings.SMS_LOOK_SECONDS)
    # Whoever moves the time on is the one who looks.
    if not _still(message).filter(next_attempt_at=message.next_attempt_at).update(next_attempt_at=next_look):
        return None
    gateway, since = cast(LookingGateway, open_gateway(message.gateway)), message.settled_at or now
    try:
        earliest = since - timedelta(seconds=2 * settings.SMS_LEASE_SECONDS)
        found = gateway.look_up(message.to, open_letter(message).text, earliest)
    except DecryptionFailed:
        return _leave_unknown(message)
    except CannotTellYet:
        has_waited = now - since >= timedelta(seconds=settings.SMS_LOOK_MOST_SECONDS)
        return _leave_unknown(message) if has_waited else None
    if found:
        return _note_found(message, found.provider_id, found.provider_status, found.error)
    if now - since >= timedelta(seconds=settings.SMS_LOST_SECONDS):
        _retry_or_leave(message, now)
    return None


def _note_found(message: Message, provider_id: str, status: str, error: str) -> None:
    found = {"state": State.SENT, "reason": "", "provider_id": provider_id, "encrypted": "", "next_attempt_at": None}
    if _still(message).update(**found) and status:
        note_report(provider_id, status, error=error)


def _retry_or_leave(message: Message, now: datetime) -> None:
    is_over = message.expires_at is not None and message.expires_at <= now
    if message.kind != Message.Kind.INVITATION or message.retried_at or is_over:
        return _leave_unknown(message)
    words = _("The provider never got it: tried once more.")
    # Whoever took the link back meanwhile has emptied the seal.
    lost = _still(message).exclude(encrypted="")
    if lost.update(state=State.RETRY_WAIT, reason=words, retried_at=now, next_attempt_at=now, settled_at=None):
        wake_messages()
    return None


def _leave_unknown(message: Message) -> None:
    _still(message).update(encrypted="", next_attempt_at=None)


def _still(message: Message) -> QuerySet[Message]:
    """The same attempt, its outcome unknown as before."""
    return Message.objects.filter(pk=message.pk, state=State.UNKNOWN, claim=message.claim)
