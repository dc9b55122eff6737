"""What the provider says of a message after it took it: forward only, and never past a last word.

Reports come twice, late, in any order, and sometimes before we have written down the message's id: those are kept and
applied by whoever writes it.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from sms.gateways.twilio import REASONS
from sms.models import DeliveryReport, Message

# Twilio's words, from first to last; those of the highest rank are last words.
RANKS = {
    "accepted": 1, "scheduled": 1, "queued": 1, "sending": 2, "sent": 3,
    "delivered": 4, "read": 4, "undelivered": 4, "failed": 4, "canceled": 4,
}  # fmt: skip
LAST = 4
ENDS = {"delivered": Message.State.DELIVERED, "read": Message.State.DELIVERED}
CARRIER_REASONS = {
    "30003": _("The phone is switched off or out of reach."),
    "30004": _("The recipient or the carrier blocks the message."),
    "30005": _("The number is unknown to the carrier."),
    "30006": _("This number can't receive SMS."),
    "30007": _("The carrier filtered the message."),
    "30008": _("The carrier gave no reason."),
}
NO_REASON = _("The carrier did not deliver the message.")


def note_report(provider_id: str, status: str, *, error: str = "") -> None:
    """Apply a report, or keep it until the message's id is known. `error` is the provider's number, if it gave one."""
    if _apply(provider_id, status, error):
        return
    _keep(provider_id, status, error)
    # Whoever wrote the id meanwhile looked before this row was there.
    apply_early([provider_id])


def apply_early(provider_ids: Collection[str]) -> None:
    """Apply what came before these ids were known."""
    for report in DeliveryReport.objects.filter(provider_id__in=[id for id in provider_ids if id]):
        if _apply(report.provider_id, report.status, report.error):
            report.delete()


def _apply(provider_id: str, status: str, error: str) -> bool:
    """One conditional statement; True if the message is known, whether or not it moved."""
    messages = Message.objects.filter(provider_id=provider_id)
    rank = RANKS.get(status, 0)
    later = [word for word, its_rank in RANKS.items() if its_rank >= rank]
    moving = messages.filter(state=Message.State.SENT).exclude(provider_status__in=later if rank else [])
    changes = {"provider_status": status}
    if rank == LAST:
        state = ENDS.get(status, Message.State.UNDELIVERED)
        reason = "" if state == Message.State.DELIVERED else _reason(error)
        changes |= {"state": state, "reason": reason}
    return bool(moving.update(**changes)) or messages.exists()


def _keep(provider_id: str, status: str, error: str) -> None:
    """Of several the furthest; one that we have no rank for gives way to any."""
    facts = {"status": status, "error": error, "received_at": timezone.now()}
    try:
        with transaction.atomic():
            DeliveryReport.objects.create(provider_id=provider_id, **facts)
    except IntegrityError:
        earlier = [word for word, rank in RANKS.items() if rank < RANKS.get(status, 0)]
        kept = DeliveryReport.objects.filter(provider_id=provider_id)
        unranked = kept.exclude(status__in=RANKS)
        (kept.filter(status__in=earlier) | unranked).update(**facts)


def _reason(error: str) -> str:
    words = CARRIER_REASONS.get(error) or (REASONS.get(int(error)) if error else None)
    return words or (f"{NO_REASON} ({error})" if error else NO_REASON)
