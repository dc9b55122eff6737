"""Background jobs that are rows: a worker claims one by a lease, works in chunks, and may be killed at any moment.

The row is the truth and a task only a wake-up. Whoever holds the lease renews it in the transaction of each chunk; once
it has expired another worker claims the job and resumes behind the last chunk. Turns are short, and the enterprise that
was served longest ago gets the next, so that no job of a million rows keeps the others waiting.
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
# The job stays as it is, and the lease expires: the database is away, or the worker's time is over.
LEFT_TO_THE_NEXT = (OperationalError, InterfaceError, SoftTimeLimitExceeded)


class LeasedJob(models.Model):
    """The columns of a job. Its model also has `enterprise`, and says by a condition which rows wait for work."""

    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    # When its last turn ended: the enterprise that was served longest ago is next.
    turn_ended_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


Job = TypeVar("Job", bound=LeasedJob)


class LeaseLost(Exception):
    """Another worker has the job, or it was ended: this one must write nothing more."""


@dataclass(frozen=True)
class Lease(Generic[Job]):
    """The right to work on one job, as long as it is renewed."""

    queue: JobQueue[Job]
    id: int
    token: str
    turn_ends: float

    @property
    def is_turn_over(self) -> bool:
        """True once another job should be worked on. Check it between chunks, where the next worker can resume."""
        return time.monotonic() >= self.turn_ends

    def job(self) -> Job:
        """Return the job as it is now, with its enterprise and author; unlocked."""
        related = {"enterprise", "author"} & {each.name for each in self.queue.model._meta.get_fields()}
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
        """Pause the job after an unexpected error. Return whether it has failed too often and is to be given up."""
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
    """The jobs of one model: which of them wait, how one is worked on, and how one is given up.

    `work` does what can be done in a turn; it renews the lease in each transaction and returns once `is_turn_over` or
    nothing is left. `give_up` ends a job that failed JOB_FAILURES times in a row: what was done stays recorded. `task`
    is the task that calls `work_on_all`. `excludes`: while another worker has a job of this kind in an enterprise, the
    enterprise's others wait.
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
        """Wake a worker; a lost wake-up is made up for by the sweep."""
        wake_worker(self.task)

    def work_on_all(self) -> None:
        """Give turns until no job waits, or the task has lasted long enough and wakes the next one."""
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
        except LEFT_TO_THE_NEXT:
            raise
        except Exception:
            log.exception("job_failed %s=%d", self.model._meta.model_name, lease.id)
            if not lease.note_failure():
                return
            self.give_up(lease)
        lease.release()

    def claim(self, id: int | None = None) -> Lease[Job] | None:
        """Lease the job with this id, else the next one in turn. None if there is none, or another worker has it."""
        waiting = self._waiting()
        for job in waiting.filter(pk=id) if id else waiting:
            if self.may_start(job) and (lease := self._lease(job)):
                return lease
        return None

    def is_free(self) -> Q:
        """Return the condition that no worker has a job. A killed one leaves its token behind, but not its time."""
        return Q(lease_until=None) | Q(lease_until__lt=timezone.now())

    def lease_end(self, seconds: int | None = None) -> Any:
        """Return the time at which a lease that is taken now expires."""
        return timezone.now() + timedelta(seconds=seconds or settings.JOB_LEASE_SECONDS)

    def _waiting(self) -> models.QuerySet[Any, Job]:
        """Return the jobs that wait, those of the enterprise that was served longest ago first."""
        served = self.rows.filter(enterprise=OuterRef("enterprise"), turn_ended_at__isnull=False)
        served_at = Subquery(served.order_by("-turn_ended_at").values("turn_ended_at")[:1])
        waiting = self.rows.filter(self.waits, self.is_free()).alias(served_at=served_at)
        order = (F("served_at").asc(nulls_first=True), "pk")
        return waiting.select_related("enterprise").order_by(*order)  # type: ignore[misc]  # every job has one

    def _lease(self, job: Job) -> Lease[Job] | None:
        """Take the lease; of two workers at once only one does."""
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
