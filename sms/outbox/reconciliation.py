"""Look up messages with an unknown outcome, after a timeout, a broken response or a killed worker.

An invitation that the provider doesn't list within SMS_LOST_SECONDS is retried once. A code is never retried, because
its recipient can request a new one. Any other message stays unknown until an administrator decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_noop as _

from core.encryption import DecryptionFailed
from sms.gateways import LookupGateway, LookupUnavailable, open_gateway
from sms.models import Message
from sms.outbox.breaker import record_failures, unreachable_gateways
from sms.outbox.delivery import outgoing_sms
from sms.outbox.reports import record_report
from sms.wakeups import wake_messages

State = Message.State
BATCH_SIZE = 20


def reconcile_unknown() -> int:
    """Look up due messages, up to BATCH_SIZE because each costs a request. Return how many.

    A gateway that doesn't answer is left until the next run, and until its breaker closes.
    """
    # The database's clock: a worker's may be wrong, and would find each message lost.
    due = Message.objects.filter(state=State.UNKNOWN, next_attempt_at__lte=Now()).annotate(now=Now())
    silent = set(unreachable_gateways())
    messages = list(due.exclude(gateway__in=silent).order_by("next_attempt_at")[:BATCH_SIZE])
    for message in messages:
        if message.gateway not in silent and not _reconcile(message, message.now):
            record_failures(message.gateway)
            silent.add(message.gateway)
    return len(messages)


def confirm_message(id: int) -> bool:
    """Mark an unknown message as sent, because an administrator confirms it. Return False if it isn't unknown."""
    unknown = Message.objects.filter(pk=id, state=State.UNKNOWN)
    reason = _("Confirmed by an administrator.")
    return bool(unknown.update(state=State.SENT, reason=reason, encrypted="", next_attempt_at=None))


def _reconcile(message: Message, now: datetime) -> bool:
    """Look the message up. Return False if its gateway didn't answer."""
    next_look = now + timedelta(seconds=settings.SMS_LOOK_SECONDS)
    # The worker that moves the time looks the message up.
    if not _unchanged(message).filter(next_attempt_at=message.next_attempt_at).update(next_attempt_at=next_look):
        return True
    gateway, since = cast(LookupGateway, open_gateway(message.gateway)), message.settled_at or now
    try:
        earliest = since - timedelta(seconds=2 * settings.SMS_LEASE_SECONDS)
        found = gateway.look_up(message.to, outgoing_sms(message).text, earliest)
    except DecryptionFailed:
        _leave_unknown(message)
        return True
    except LookupUnavailable:
        if now - since >= timedelta(seconds=settings.SMS_LOOK_MOST_SECONDS):
            _leave_unknown(message)
        return False
    if found:
        _note_found(message, found.provider_id, found.provider_status, found.error)
    elif now - since >= timedelta(seconds=settings.SMS_LOST_SECONDS):
        _retry_or_leave(message, now)
    return True


def _note_found(message: Message, provider_id: str, status: str, error: str) -> None:
    found = {"state": State.SENT, "reason": "", "provider_id": provider_id, "encrypted": "", "next_attempt_at": None}
    if _unchanged(message).update(**found) and status:
        record_report(provider_id, status, error=error)


def _retry_or_leave(message: Message, now: datetime) -> None:
    is_over = message.expires_at is not None and message.expires_at <= now
    if message.kind != Message.Kind.INVITATION or message.retried_at or is_over:
        return _leave_unknown(message)
    reason = _("The provider never received it. Retried once.")
    # The secrets are gone if the link was revoked meanwhile.
    lost = _unchanged(message).exclude(encrypted="")
    if lost.update(state=State.RETRY_WAIT, reason=reason, retried_at=now, next_attempt_at=now, settled_at=None):
        wake_messages()
    return None


def _leave_unknown(message: Message) -> None:
    _unchanged(message).update(encrypted="", next_attempt_at=None)


def _unchanged(message: Message) -> QuerySet[Message]:
    """Match the message while it is unknown and on the same attempt."""
    return Message.objects.filter(pk=message.pk, state=State.UNKNOWN, claim=message.claim)
