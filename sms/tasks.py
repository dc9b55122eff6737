"""Tasks of the outbox. They have no arguments and read the rows, so each may be lost, repeated or late."""

from __future__ import annotations

from celery import shared_task

from core import counters
from sms import retention
from sms.codes import alarms, budgets, conversion, proof_of_work
from sms.models import Message
from sms.outbox import delivery, queue, reconciliation
from sms.wakeups import wake_codes, wake_messages

CODES = [Message.Kind.CODE]
# Codes first: this worker may be the only one. Invitations last: there may be thousands.
ALL = sorted(Message.Kind, key=lambda kind: (kind == Message.Kind.INVITATION, kind != Message.Kind.CODE))


@shared_task
def deliver_codes() -> None:
    """Deliver due codes."""
    if delivery.deliver_messages(CODES):
        wake_codes()


@shared_task
def deliver_messages() -> None:
    """Deliver all due messages, codes first."""
    if delivery.deliver_messages(ALL):
        wake_messages()


@shared_task
def sweep_outbox() -> None:
    """Every 5 s: expire and recover messages, and wake workers for due ones."""
    queue.expire_messages()
    delivery.recover_abandoned()
    if queue.has_due_messages(CODES):
        wake_codes()
    if queue.has_due_messages(ALL[1:]):
        wake_messages()


@shared_task
def watch_codes() -> None:
    """Every minute: raise the alarms about codes that are not entered, if needed."""
    conversion.check_conversion()
    budgets.check_budgets()


@shared_task
def reconcile_messages() -> None:
    """Every 10 s: look up messages with an unknown outcome."""
    reconciliation.reconcile_unknown()


@shared_task
def delete_expired_codes() -> None:
    """Every ten minutes: delete what has reached the end of its retention (security.md 6.4)."""
    counters.delete_expired_counters()
    alarms.delete_expired_alarms()
    proof_of_work.delete_expired_challenges()
    retention.delete_expired_codes()
    retention.delete_expired_messages()
