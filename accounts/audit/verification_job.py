"""Follow an enterprise's audit chain in the background: asked for by a person or by the clock, done by a worker, a
slice at a time.

The clock asks each hour for what is new, for a chain as a whole only now and then: what is behind the mark and was
changed since is found by that, or by a person who asks. A chain that was found broken stays so until a person asks.

The row of AuditCheck is the truth: a slice takes up where the one before stopped, a killed worker's check is taken
over, and a wake-up that is lost is made up for by the sweep.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.audit.recording import Actor, recording
from accounts.audit.verification import ANOTHER_END, BrokenLink, enterprises_with_chains, follow_chain
from accounts.models import AuditChain, AuditCheck, AuditEvent, Enterprise
from core.leased_jobs import JobQueue, Lease

log = logging.getLogger(__name__)
WORK = "accounts.tasks.work_on_audit_checks"
CHUNK = 2000


def start_check(enterprise: Enterprise, *, by: Actor) -> AuditCheck:
    """From the first event to the present end; a short log at once, a longer one by a worker. One that runs goes on."""
    with recording(enterprise, by=by) as record:
        check = AuditCheck.objects.filter(enterprise=enterprise).first()
        if check and check.state == "running":
            return check
        record("audit_check_started", enterprise)
        length = AuditChain.objects.get(enterprise=enterprise).length
        check, _is_new = AuditCheck.objects.update_or_create(enterprise=enterprise, defaults=_from_the_first(length))
    if check.length <= settings.AUDIT_CHECKED_AT_ONCE:
        QUEUE.work_on(check)
    else:
        QUEUE.wake()
    return check


def watch_chains() -> int:
    """Let the chains be followed that have gone on, or whose end is another than was found. How many there are."""
    checks = {check.enterprise_id: check for check in AuditCheck.objects.all()}
    ends = dict.fromkeys(enterprises_with_chains(), (0, ""))
    ends |= {chain.enterprise_id: (chain.length, chain.head) for chain in AuditChain.objects.all()}
    return sum(_watch(enterprise, checks.get(enterprise), *end) for enterprise, end in ends.items())


def broken_check(enterprise: Enterprise) -> AuditCheck | None:
    """The check that found the chain broken, if the last one did."""
    return AuditCheck.objects.filter(enterprise=enterprise, broken_number__isnull=False).first()


def work_on_checks() -> None:
    """Give each check that waits its turn, until none waits."""
    QUEUE.work_on_all()


def _watch(enterprise: int, check: AuditCheck | None, length: int, head: str) -> bool:
    """Whether a check began here. One that runs goes on; of two at once only one begins."""
    if check is None:
        begun = AuditCheck(enterprise_id=enterprise, **_from_the_first(length))
        return bool(length and AuditCheck.objects.bulk_create([begun], ignore_conflicts=True))
    is_due = check.whole_at is None or timezone.now() - check.whole_at >= timedelta(
        days=settings.AUDIT_WHOLE_CHECK_DAYS
    )
    if not is_due and (check.number, check.head) == (length, head):
        return False
    idle = AuditCheck.objects.filter(pk=check.pk, finished_at=check.finished_at, broken_number=None)
    return bool(idle.exclude(finished_at=None).update(**(_from_the_first(length) if is_due else _onwards(length))))


def _from_the_first(length: int) -> dict[str, Any]:
    return _onwards(length) | {"number": 0, "head": "", "whole_at": timezone.now(), "broken_number": None, "why": ""}


def _onwards(length: int) -> dict[str, Any]:
    started = {"length": length, "started_at": timezone.now(), "finished_at": None}
    return started | {"lease": "", "lease_until": None}


def _work(lease: Lease[AuditCheck]) -> None:
    while _follow_chunk(lease) and not lease.is_turn_over:
        pass


def _follow_chunk(lease: Lease[AuditCheck]) -> bool:
    """Follow the next events; return False once the end or a break is reached. Raises LeaseLost."""
    check = lease.job()
    number, head, broken = follow_chain(check.enterprise_id, check.number, check.head, until=check.length, limit=CHUNK)
    broken = _disproved(check, number, head) or broken
    if broken is None and number < check.length:
        lease.renew(number=number, head=head)
        return True
    done: dict[str, Any] = {"number": number, "head": head, "finished_at": timezone.now()}
    if broken := broken or _another_end(check, head):
        done |= {"broken_number": broken.number, "why": broken.why}
        log.error("audit chain broken: %s", broken)
    else:
        done |= {"proven_number": number, "proven_head": head}
    lease.renew(**done)
    return False


def _disproved(check: AuditCheck, number: int, head: str) -> BrokenLink | None:
    """Where the last whole check ended must still stand what it found there."""
    proven = check.proven_number
    if check.length < proven:
        return BrokenLink(check.enterprise_id, check.length + 1, ANOTHER_END)
    if check.number < proven <= number:
        event = AuditEvent.objects.get(enterprise=check.enterprise_id, number=proven)
        if event.digest != check.proven_head:
            return BrokenLink(check.enterprise_id, proven, ANOTHER_END)
    return None


def _another_end(check: AuditCheck, head: str) -> BrokenLink | None:
    """The chain's own row must not tell of less, nor of another digest there."""
    chain = AuditChain.objects.filter(enterprise=check.enterprise_id).first()
    length, end = (chain.length, chain.head) if chain else (0, "")
    if length < check.length or (length == check.length and end != head):
        return BrokenLink(check.enterprise_id, check.length + 1, ANOTHER_END)
    return None


def _give_up(lease: Lease[AuditCheck]) -> None:
    """Keep the check waiting: an audit log that can't be verified must not look verified."""
    log.error("audit check keeps failing: enterprise %d", lease.job().enterprise_id)


QUEUE: JobQueue[AuditCheck] = JobQueue(AuditCheck, waits=Q(finished_at=None), task=WORK, work=_work, give_up=_give_up)
