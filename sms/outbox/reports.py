"""Apply delivery reports: a message's status only moves forward.

Reports can arrive twice, late, in any order, and before the message's provider id is stored; such early reports are
stored and applied together with the id.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from sms.gateways.twilio import REASONS
from sms.models import DeliveryReport, Message

# Twilio's statuses in order; those of the highest rank are final.
RANKS = {
    "accepted": 1, "scheduled": 1, "queued": 1, "sending": 2, "sent": 3,
    "delivered": 4, "read": 4, "undelivered": 4, "failed": 4, "canceled": 4,
}  # fmt: skip
FINAL = 4
ENDS = {"delivered": Message.State.DELIVERED, "read": Message.State.DELIVERED}
CARRIER_REASONS = {
    "30003": _("The phone is turned off or out of range."),
    "30004": _("The recipient or the carrier blocked the SMS."),
    "30005": _("The carrier doesn't know this number."),
    "30006": _("This number can't receive SMS."),
    "30007": _("The carrier filtered the SMS."),
    "30008": _("The carrier gave no reason."),
}
NO_REASON = _("The carrier didn't deliver the SMS.")


def record_report(provider_id: str, status: str, *, error: str = "") -> None:
    """Apply a report, or store it until the message's id is known. `error` is the provider's error number or ""."""
    if _apply(provider_id, status, error):
        return
    _store(provider_id, status, error)
    # A worker that stored the id meanwhile may have missed this report.
    apply_early_reports([provider_id])


def apply_early_reports(provider_ids: Collection[str]) -> None:
    """Apply stored reports for these ids."""
    for report in DeliveryReport.objects.filter(provider_id__in=[id for id in provider_ids if id]):
        if _apply(report.provider_id, report.status, report.error):
            report.delete()


def _apply(provider_id: str, status: str, error: str) -> bool:
    """Apply the report with one conditional UPDATE. Return True if the message is known, even if unchanged."""
    messages = Message.objects.filter(provider_id=provider_id)
    rank = RANKS.get(status, 0)
    reached = [name for name, its_rank in RANKS.items() if its_rank >= rank > 0]
    moving = messages.filter(state=Message.State.SENT).exclude(provider_status__in=reached)
    changes = {"provider_status": status}
    if rank == FINAL:
        state = ENDS.get(status, Message.State.UNDELIVERED)
        reason = "" if state == Message.State.DELIVERED else _reason(error)
        changes |= {"state": state, "reason": reason}
    return bool(moving.update(**changes)) or messages.exists()


def _store(provider_id: str, status: str, error: str) -> None:
    """Store the report unless one with a later status is stored. A status of unknown rank is always replaced."""
    values = {"status": status, "error": error, "received_at": timezone.now()}
    try:
        with transaction.atomic():
            DeliveryReport.objects.create(provider_id=provider_id, **values)
    except IntegrityError:
        later = [name for name, rank in RANKS.items() if rank >= RANKS.get(status, 0)]
        DeliveryReport.objects.filter(provider_id=provider_id).exclude(status__in=later).update(**values)


def _reason(error: str) -> str:
    if not error:
        return NO_REASON
    return CARRIER_REASONS.get(error) or REASONS.get(int(error)) or f"{NO_REASON} ({error})"
