"""When messages move. Tasks carry nothing: the rows are the truth, so each may be lost, doubled or late."""

from __future__ import annotations

from celery import shared_task

from core import counters
from sms import retention
from sms.codes import alarms, proof_of_work
from sms.models import Message
from sms.outbox import delivery, queue, reconciliation
from sms.wakeups import wake_codes, wake_messages

CODES = [Message.Kind.CODE]
# Codes first here too: this worker may be the only one.
ALL = [Message.Kind.CODE, Message.Kind.DECISION, Message.Kind.INVITATION]


@shared_task
def deliver_codes() -> None:
    """Hand over the codes that wait."""
    if delivery.deliver_messages(CODES):
        wake_codes()


@shared_task
def deliver_messages() -> None:
    """Hand over all that waits, codes always first."""
    if delivery.deliver_messages(ALL):
        wake_messages()


@shared_task
def sweep_outbox() -> None:
    """Every 10 s: end what came too late, settle what a killed worker left, wake workers for what was forgotten."""
    queue.expire_messages()
    delivery.settle_abandoned()
    if queue.has_due_messages(CODES):
        wake_codes()
    if queue.has_due_messages(ALL[1:]):
        wake_messages()


@shared_task
def watch_codes() -> None:
    """Every minute: sound the alarm if hardly any code is entered."""
    alarms.watch_conversion()


@shared_task
def reconcile_messages() -> None:
    """Every 10 s: ask providers what became of messages whose outcome nobody saw."""
    reconciliation.reconcile_unknown()


@shared_task
def purge_codes() -> None:
    """Every ten minutes: forget codes, the words of old messages, and messages themselves (security.md 6.4)."""
    counters.purge_counters()
    alarms.purge_alarms()
    proof_of_work.purge_work()
    retention.purge_codes()
    retention.purge_messages()
