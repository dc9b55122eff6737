"""Verify audit chains in the background, on request and on a schedule.

Hourly checks verify new events and the end only. Later changes to old events are found by the full check that is due
every AUDIT_WHOLE_CHECK_DAYS, or by one on request. A broken chain stays broken until someone requests a check.

The progress of a check is signed: who rewrites it can't make a check skip events, but breaks the chain.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.audit.keys import canonical_json, keyring
from accounts.audit.recording import Actor, recording
from accounts.audit.verification import (
    ANOTHER_END,
    CHUNK,
    BrokenLink,
    EventVerifier,
    expected_length,
    last_numbers,
    verify_chunk,
    verify_end,
)
from accounts.models import AuditChain, AuditCheck, AuditEvent, Enterprise
from core.leased_jobs import JobQueue, Lease

log = logging.getLogger(__name__)
WORK = "accounts.tasks.work_on_audit_checks"
RECORD_CHANGED = gettext_noop("the record of the last verification was changed")
SIGNED = (
    *("length", "number", "head", "started_at", "whole_at", "finished_at", "broken_number", "why"),
    *("proven_number", "proven_head", "key_id"),
)


def start_check(enterprise: Enterprise, *, by: Actor) -> AuditCheck:
    """Check the whole chain, a short one at once and a longer one by a worker. A running check is returned as it is."""
    with recording(enterprise, by=by) as record:
        check = AuditCheck.objects.filter(enterprise=enterprise).first()
        if check and check.state == "running":
            return check
        record("audit_check_started", enterprise)
        length = AuditChain.objects.get(enterprise=enterprise).length
        check = check or AuditCheck(enterprise=enterprise)
        changes = _change(check, _full_check(check, length))
        check, _is_new = AuditCheck.objects.update_or_create(enterprise=enterprise, defaults=changes)
    if check.length <= settings.AUDIT_CHECKED_AT_ONCE:
        QUEUE.work_on(check)
    else:
        QUEUE.wake()
    return check


def start_due_checks() -> int:
    """Start a check of each chain that has changed since its last check, or needs a full one. Return how many."""
    checks = {check.enterprise_id: check for check in AuditCheck.objects.all()}
    last = last_numbers()
    chains = {chain.enterprise_id: chain for chain in AuditChain.objects.all()}
    return sum(_start_if_due(id, checks.get(id), chains.get(id), number) for id, number in last.items())


def is_signed(check: AuditCheck) -> bool:
    """True if the row is as a check left it."""
    return keyring().is_signature(check.mac, _signed_text(check), check.key_id)


def verify_record(enterprise_id: int) -> BrokenLink | None:
    """Return a broken link after the last verified event if the record of the last check was rewritten."""
    check = AuditCheck.objects.filter(enterprise_id=enterprise_id).first()
    if check is None or is_signed(check):
        return None
    length = expected_length(AuditChain.objects.filter(enterprise_id=enterprise_id).first())
    return BrokenLink(enterprise_id, length + 1, RECORD_CHANGED)


def broken_check(enterprise: Enterprise) -> AuditCheck | None:
    """Return the latest check if it found the chain broken."""
    return AuditCheck.objects.filter(enterprise=enterprise, broken_number__isnull=False).first()


def work_on_checks() -> None:
    """Work on waiting checks until none is left."""
    QUEUE.work_on_all()


def _start_if_due(enterprise: int, check: AuditCheck | None, chain: AuditChain | None, last: int) -> bool:
    """Return True if a check was started here: not if one is running, and once for concurrent calls."""
    length = expected_length(chain)
    if check is None:
        new = AuditCheck(enterprise_id=enterprise)
        _change(new, _full_check(new, length))
        return bool(AuditCheck.objects.bulk_create([new], ignore_conflicts=True))
    idle = AuditCheck.objects.filter(pk=check.pk, finished_at=check.finished_at, broken_number=None)
    is_due = check.whole_at is None or timezone.now() - check.whole_at >= timedelta(
        days=settings.AUDIT_WHOLE_CHECK_DAYS
    )
    if is_due or not is_signed(check):
        changes = _change(check, _full_check(check, length))
    elif chain and check.number == chain.length == last and check.head == chain.head:
        return False
    else:
        changes = _change(check, _incremental_check(length))
    return bool(idle.exclude(finished_at=None).update(**changes))


def _full_check(check: AuditCheck, length: int) -> dict[str, Any]:
    """Return what starts a check of the whole chain. A record that was rewritten proves nothing, and is reported."""
    changes = _incremental_check(length) | {
        "number": 0,
        "head": "",
        "whole_at": timezone.now(),
        "broken_number": None,
        "why": "",
    }
    if check.pk and not is_signed(check):
        changes |= {"why": RECORD_CHANGED, "proven_number": 0, "proven_head": ""}
    return changes


def _incremental_check(length: int) -> dict[str, Any]:
    started = {"length": length, "started_at": timezone.now(), "finished_at": None}
    return started | {"lease": "", "lease_until": None}


def _change(check: AuditCheck, changes: dict[str, Any]) -> dict[str, Any]:
    """Set and sign `changes` on the instance, and return them with the signature."""
    for name, value in changes.items():
        setattr(check, name, value)
    check.key_id = keyring().current
    check.mac = keyring().sign(_signed_text(check))
    return changes | {"key_id": check.key_id, "mac": check.mac}


def _signed_text(check: AuditCheck) -> str:
    values = [getattr(check, name) for name in SIGNED]
    texts = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in values]
    return canonical_json(["check", check.enterprise_id, *texts])


def _work(lease: Lease[AuditCheck]) -> None:
    verifier = EventVerifier(lease.job().enterprise_id)
    while _follow_chunk(lease, verifier) and not lease.is_turn_over:
        pass


def _follow_chunk(lease: Lease[AuditCheck], verifier: EventVerifier) -> bool:
    """Verify the next events. Return False once the end or a broken link is reached. Raise LeaseLost."""
    check = lease.job()
    if not is_signed(check):
        held = {"lease": check.lease, "lease_until": check.lease_until}
        lease.renew(**_change(check, _full_check(check, check.length) | held))
    number, head, broken = verify_chunk(verifier, check.number, check.head, until=check.length, limit=CHUNK)
    broken = _find_rewrite(check, number) or broken
    if broken is None and number < check.length:
        lease.renew(**_change(check, {"number": number, "head": head}))
        return True
    result: dict[str, Any] = {"number": number, "head": head, "finished_at": timezone.now()}
    if broken := broken or verify_end(check.enterprise_id, number, head) or _find_changed_record(check, number):
        result |= {"broken_number": broken.number, "why": broken.why}
        log.error("audit_chain_broken: %s", broken)
    else:
        result |= {"proven_number": number, "proven_head": head}
    lease.renew(**_change(check, result))
    return False


def _find_rewrite(check: AuditCheck, number: int) -> BrokenLink | None:
    """Return a broken link if the event at which the last successful check ended was just verified as another one."""
    proven = check.proven_number
    if not check.number < proven <= number:
        return None
    event = AuditEvent.objects.get(enterprise=check.enterprise_id, number=proven)
    return None if event.digest == check.proven_head else BrokenLink(check.enterprise_id, proven, ANOTHER_END)


def _find_changed_record(check: AuditCheck, number: int) -> BrokenLink | None:
    """Return a broken link after `number`, the last event, if earlier checks say that the log was longer, or differ.

    Their record itself may have been rewritten before this check started.
    """
    if number < check.proven_number:
        return BrokenLink(check.enterprise_id, number + 1, ANOTHER_END)
    return BrokenLink(check.enterprise_id, number + 1, check.why) if check.why else None


def _give_up(lease: Lease[AuditCheck]) -> None:
    """Leave the check waiting, so that an unverified log doesn't look verified."""
    log.error("audit_check_failing enterprise=%d", lease.job().enterprise_id)


QUEUE: JobQueue[AuditCheck] = JobQueue(AuditCheck, waits=Q(finished_at=None), task=WORK, work=_work, give_up=_give_up)
