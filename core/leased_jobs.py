"""Background jobs that are rows: a worker claims one by a lease, works in chunks, and may be killed at any moment.

The row is the source of truth, and a task only a wake-up. The worker renews its lease in the transaction of each chunk;
once the lease has expired, another worker claims the job and resumes after the last chunk. Turns are short, and the
enterprise that was served longest ago gets the next one, so that a job of a million rows doesn't delay the others.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from core.locks import advisory_lock
from core.wakeups import wake_worker

log = logging.getLogger(__name__)
# The database is unavailable or the task reached its time limit: the job stays as it is until the lease expires.
RESUMABLE_ERRORS = (OperationalError, InterfaceError, SoftTimeLimitExceeded)


class LeasedJob(models.Model):
    """The columns of a job; its model must also have `enterprise`."""

    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    # When its last turn ended: the enterprise that was served longest ago is next.
    turn_ended_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


Job = TypeVar("Job", bound=LeasedJob)


class LeaseLost(Exception):
    """Another worker has the job, or it has ended: nothing more may be written."""


@dataclass(frozen=True)
class Lease(Generic[Job]):
    """The right to work on one job until `lease_until`, which each chunk extends."""

    queue: JobQueue[Job]
    id: int
    token: str
    turn_ends: float

    @property
    def is_turn_over(self) -> bool:
        """True once another job should be worked on. Check it between chunks, where the next worker can resume."""
        return time.monotonic() >= self.turn_ends

    def job(self) -> Job:
        """Return the current job with its enterprise, author and actor, without locking it."""
        related = {"enterprise", "author", "actor"} & {each.name for each in self.queue.model._meta.get_fields()}
        return self.queue.rows.select_related(*related).get(pk=self.id)

    def renew(self, *, seconds: int | None = None, **changes: Any) -> None:
        """Extend the lease, and save `changes` of other columns with it. Raises LeaseLost."""
        until = self.queue.lease_end(seconds)
        if not self._leased().update(**{"lease_until": until} | changes):
            raise LeaseLost

    def lock(self) -> Job:
        """Renew the lease and return the job, locked until the transaction ends. Raises LeaseLost."""
        self.renew()
        return self.queue.rows.select_for_update(of=("self",)).select_related("enterprise").get(pk=self.id)

    def release(self) -> None:
        """End the turn; does nothing if the lease was lost."""
        self._leased().update(lease="", lease_until=None, turn_ended_at=timezone.now(), failures=0)

    def note_failure(self) -> bool:
        """Pause the job after an unexpected error. Return True if it has failed JOB_FAILURES times in a row."""
        failures = self._leased().values_list("failures", flat=True).first()
        if failures is None:
            return False
        pause = timedelta(seconds=settings.JOB_RETRY_SECONDS * 2**failures)
        self._leased().update(failures=failures + 1, lease_until=timezone.now() + pause, turn_ended_at=timezone.now())
        return failures + 1 >= settings.JOB_FAILURES

    def _leased(self) -> models.QuerySet[Job]:
        return self.queue.rows.filter(pk=self.id, lease=self.token)


@dataclass(frozen=True)
class JobQueue(Generic[Job]):
    """The jobs of one model.

    `waits`: the rows that need work. `task`: the name of the task that calls `work_on_all`. `work` works for one turn:
    it renews the lease in each transaction, and returns once `is_turn_over` or nothing is left. `give_up` ends a job
    that failed JOB_FAILURES times in a row; what was done stays recorded. `excludes`: the rows of which one worker at
    a time may have one in each enterprise.
    """

    model: type[Job]
    waits: Q
    task: str
    work: Callable[[Lease[Job]], None]
    give_up: Callable[[Lease[Job]], None]
    excludes: Q | None = None
    may_start: Callable[[Job], bool] = field(default=lambda job: True)

    @property
    def rows(self) -> models.QuerySet[Job]:
        return self.model._default_manager.all()

    def wake(self) -> None:
        """Wake a worker. If the wake-up is lost, the sweep finds the job."""
        wake_worker(self.task)

    def work_on_all(self) -> None:
        """Give turns until no job waits; after JOB_TASK_SECONDS wake another task instead."""
        end = time.monotonic() + settings.JOB_TASK_SECONDS
        while lease := self.claim():
            self.take_turn(lease)
            if time.monotonic() >= end:
                self.wake()
                return

    def work_on(self, job: Job) -> None:
        """Give the job a turn in this process, unless another worker has it."""
        if lease := self.claim(job.pk):
            self.take_turn(lease)

    def take_turn(self, lease: Lease[Job]) -> None:
        """Work on a job. Errors of the database and a time limit propagate: the next worker resumes."""
        try:
            self.work(lease)
        except LeaseLost:
            log.warning("job_taken_over %s=%d", self.model._meta.model_name, lease.id)
            return
        except RESUMABLE_ERRORS:
            raise
        except Exception:
            log.exception("job_failed %s=%d", self.model._meta.model_name, lease.id)
            if not lease.note_failure():
                return
            self.give_up(lease)
        lease.release()

    def claim(self, id: int | None = None) -> Lease[Job] | None:
        """Lease the job with this id, or the next in turn. Return None if there is none, or another worker has it."""
        waiting = self._waiting()
        for job in waiting.filter(pk=id) if id else waiting:
            if self.may_start(job) and (lease := self._lease(job)):
                return lease
        return None

    def is_free(self) -> Q:
        """Return the condition that no worker has a job. A killed worker leaves its token; the time still expires."""
        return Q(lease_until=None) | Q(lease_until__lt=timezone.now())

    def lease_end(self, seconds: int | None = None) -> Any:
        """Return the time at which a lease taken now expires."""
        return timezone.now() + timedelta(seconds=seconds or settings.JOB_LEASE_SECONDS)

    def _waiting(self) -> models.QuerySet[Any, Job]:
        """Return the waiting jobs, those of the enterprise that was served longest ago first."""
        served = self.rows.filter(enterprise=OuterRef("enterprise"), turn_ended_at__isnull=False)
        served_at = Subquery(served.order_by("-turn_ended_at").values("turn_ended_at")[:1])
        waiting = self.rows.filter(self.waits, self.is_free()).alias(served_at=served_at)
        order = (F("served_at").asc(nulls_first=True), "pk")
        return waiting.select_related("enterprise").order_by(*order)  # type: ignore[misc]  # every job has one

    def _lease(self, job: Job) -> Lease[Job] | None:
        """Take the lease with one conditional UPDATE, so that only one of two workers gets it."""
        lease = Lease(self, job.pk, uuid.uuid4().hex, time.monotonic() + settings.JOB_TURN_SECONDS)
        with transaction.atomic():
            if self._is_excluded(job):
                return None
            free = self.rows.filter(self.waits, self.is_free(), pk=job.pk)
            return lease if free.update(lease=lease.token, lease_until=self.lease_end()) else None

    def _is_excluded(self, job: Job) -> bool:
        if self.excludes is None:
            return False
        enterprise: int = job.enterprise_id  # type: ignore[attr-defined]
        advisory_lock(f"{self.model._meta.label_lower} of {enterprise}")
        busy = self.rows.filter(self.excludes, enterprise=enterprise, lease_until__gt=timezone.now())
        return busy.exclude(pk=job.pk).exists()
