"""Follow an enterprise's audit chain in the background: asked for by a person, done by a worker, a slice at a time.

The row of AuditCheck is the truth: a slice takes up where the one before stopped, a killed worker's check is taken
over, and a hint that is lost is made up for by the sweep.
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.audit import Actor, recording
from accounts.audit_check import ANOTHER_END, BrokenLink, follow_chain
from accounts.models import AuditChain, AuditCheck, AuditEvent, Enterprise
from sms.hints import hint_work

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
        check = check or AuditCheck(enterprise=enterprise)
        check.length = AuditChain.objects.get(enterprise=enterprise).length
        check.number, check.head, check.broken_number, check.why = 0, "", None, ""
        check.started_at, check.finished_at = timezone.now(), None
        check.lease, check.lease_until = "", None
        check.save()
    if check.length <= settings.AUDIT_CHECKED_AT_ONCE:
        _work_on(check.pk)
    else:
        hint_work(WORK)
    return check


def work_on_checks() -> bool:
    """A slice for each check that waits. Returns whether any is still not done."""
    waiting = list(_waiting().order_by("pk").values_list("pk", flat=True))
    return any([not _work_on(pk) for pk in waiting])


def _work_on(pk: int) -> bool:
    """Whether nothing is left to do, here: it may be another's."""
    lease, end = uuid.uuid4().hex, time.monotonic() + settings.AUDIT_CHECK_SLICE_SECONDS
    if not _waiting().filter(pk=pk).update(lease=lease, lease_until=_until()):
        return True
    while time.monotonic() < end:
        if not _step(pk, lease):
            return True
    _held(pk, lease).update(lease="", lease_until=None)
    return False


def _step(pk: int, lease: str) -> bool:
    """One chunk; False once it is done or another's."""
    check = _held(pk, lease).first()
    if check is None:
        return False
    number, head, broken = follow_chain(check.enterprise_id, check.number, check.head, until=check.length, limit=CHUNK)
    broken = _disproved(check, number, head) or broken
    if broken is None and number < check.length:
        return bool(_held(pk, lease).update(number=number, head=head, lease_until=_until()))
    broken = broken or _another_end(check, head)
    done = {"number": number, "head": head, "finished_at": timezone.now(), "lease": "", "lease_until": None}
    if broken:
        done |= {"broken_number": broken.number, "why": broken.why}
        log.error("audit chain broken: %s", broken)
    else:
        done |= {"proven_number": number, "proven_head": head}
    _held(pk, lease).update(**done)
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


def _waiting() -> QuerySet[AuditCheck]:
    is_free = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    return AuditCheck.objects.filter(is_free, finished_at=None)


def _held(pk: int, lease: str) -> QuerySet[AuditCheck]:
    return AuditCheck.objects.filter(pk=pk, lease=lease)


def _until() -> object:
    return timezone.now() + timedelta(seconds=settings.AUDIT_LEASE_SECONDS)
