"""Verify audit chains in the background, on request and on a schedule.

Hourly checks verify new events only. Later changes to old events are found by the full check that is due every
AUDIT_WHOLE_CHECK_DAYS, or by one on request. A broken chain stays broken until someone requests a check.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.audit.recording import Actor, recording
from accounts.audit.verification import ANOTHER_END, BrokenLink, enterprises_with_chains, verify_chunk
from accounts.models import AuditChain, AuditCheck, AuditEvent, Enterprise
from core.leased_jobs import JobQueue, Lease

log = logging.getLogger(__name__)
WORK = "accounts.tasks.work_on_audit_checks"
CHUNK = 2000


def start_check(enterprise: Enterprise, *, by: Actor) -> AuditCheck:
    """Check the whole chain, a short one at once and a longer one by a worker. A running check is returned as it is."""
    with recording(enterprise, by=by) as record:
        check = AuditCheck.objects.filter(enterprise=enterprise).first()
        if check and check.state == "running":
            return check
        record("audit_check_started", enterprise)
        length = AuditChain.objects.get(enterprise=enterprise).length
        check, _is_new = AuditCheck.objects.update_or_create(enterprise=enterprise, defaults=_full_check(length))
    if check.length <= settings.AUDIT_CHECKED_AT_ONCE:
        QUEUE.work_on(check)
    else:
        QUEUE.wake()
    return check


def start_due_checks() -> int:
    """Start a check of each chain that has changed since its last check, or needs a full one. Return how many."""
    checks = {check.enterprise_id: check for check in AuditCheck.objects.all()}
    ends = dict.fromkeys(enterprises_with_chains(), (0, ""))
    ends |= {chain.enterprise_id: (chain.length, chain.head) for chain in AuditChain.objects.all()}
    return sum(_start_if_due(enterprise, checks.get(enterprise), *end) for enterprise, end in ends.items())


def broken_check(enterprise: Enterprise) -> AuditCheck | None:
    """Return the latest check if it found the chain broken."""
    return AuditCheck.objects.filter(enterprise=enterprise, broken_number__isnull=False).first()


def work_on_checks() -> None:
    """Work on waiting checks until none is left."""
    QUEUE.work_on_all()


def _start_if_due(enterprise: int, check: AuditCheck | None, length: int, head: str) -> bool:
    """Return True if a check was started here: not if one is running, and once for concurrent calls."""
    if check is None:
        new = AuditCheck(enterprise_id=enterprise, **_full_check(length))
        return bool(length and AuditCheck.objects.bulk_create([new], ignore_conflicts=True))
    is_due = check.whole_at is None or timezone.now() - check.whole_at >= timedelta(
        days=settings.AUDIT_WHOLE_CHECK_DAYS
    )
    if not is_due and (check.number, check.head) == (length, head):
        return False
    idle = AuditCheck.objects.filter(pk=check.pk, finished_at=check.finished_at, broken_number=None)
    return bool(
        idle.exclude(finished_at=None).update(**(_full_check(length) if is_due else _incremental_check(length)))
    )


def _full_check(length: int) -> dict[str, Any]:
    return _incremental_check(length) | {
        "number": 0,
        "head": "",
        "whole_at": timezone.now(),
        "broken_number": None,
        "why": "",
    }


def _incremental_check(length: int) -> dict[str, Any]:
    started = {"length": length, "started_at": timezone.now(), "finished_at": None}
    return started | {"lease": "", "lease_until": None}


def _work(lease: Lease[AuditCheck]) -> None:
    while _follow_chunk(lease) and not lease.is_turn_over:
        pass


def _follow_chunk(lease: Lease[AuditCheck]) -> bool:
    """Verify the next events. Return False once the end or a broken link is reached. Raise LeaseLost."""
    check = lease.job()
    number, head, broken = verify_chunk(check.enterprise_id, check.number, check.head, until=check.length, limit=CHUNK)
    broken = _find_rewrite(check, number, head) or broken
    if broken is None and number < check.length:
        lease.renew(number=number, head=head)
        return True
    result: dict[str, Any] = {"number": number, "head": head, "finished_at": timezone.now()}
    if broken := broken or _find_other_end(check, head):
        result |= {"broken_number": broken.number, "why": broken.why}
        log.error("audit_chain_broken: %s", broken)
    else:
        result |= {"proven_number": number, "proven_head": head}
    lease.renew(**result)
    return False


def _find_rewrite(check: AuditCheck, number: int, head: str) -> BrokenLink | None:
    """Return a broken link if the event at which the last successful check ended is missing or another one."""
    proven = check.proven_number
    if check.length < proven:
        return BrokenLink(check.enterprise_id, check.length + 1, ANOTHER_END)
    if check.number < proven <= number:
        event = AuditEvent.objects.get(enterprise=check.enterprise_id, number=proven)
        if event.digest != check.proven_head:
            return BrokenLink(check.enterprise_id, proven, ANOTHER_END)
    return None


def _find_other_end(check: AuditCheck, head: str) -> BrokenLink | None:
    """Return a broken link if the AuditChain ends before the check, or with another digest."""
    chain = AuditChain.objects.filter(enterprise=check.enterprise_id).first()
    length, end = (chain.length, chain.head) if chain else (0, "")
    if length < check.length or (length == check.length and end != head):
        return BrokenLink(check.enterprise_id, check.length + 1, ANOTHER_END)
    return None


def _give_up(lease: Lease[AuditCheck]) -> None:
    """Leave the check waiting, so that an unverified log doesn't look verified."""
    log.error("audit_check_failing enterprise=%d", lease.job().enterprise_id)


QUEUE: JobQueue[AuditCheck] = JobQueue(AuditCheck, waits=Q(finished_at=None), task=WORK, work=_work, give_up=_give_up)
