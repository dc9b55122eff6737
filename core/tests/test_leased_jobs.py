"""Leases and turns, shown with the audit checks of a few enterprises: the smallest jobs there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.audit.verification_job import QUEUE
from accounts.models import AuditCheck, Enterprise
from core.leased_jobs import JobQueue, Lease, LeaseLost


@pytest.fixture
def jobs(db) -> list[AuditCheck]:
    enterprises = [Enterprise.objects.create(name=name) for name in ("甲", "乙", "丙")]
    return [AuditCheck.objects.create(enterprise=one, started_at=timezone.now()) for one in enterprises]


def queue_of(work, give_up=lambda lease: None, **options) -> JobQueue[AuditCheck]:
    return replace(QUEUE, work=work, give_up=give_up, **options)


def end(lease: Lease[AuditCheck]) -> None:
    lease.renew(finished_at=timezone.now())


def pass_lease(job: AuditCheck) -> None:
    AuditCheck.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_job_has_one_worker_until_its_lease_has_expired(jobs):
    first = QUEUE.claim(jobs[0].pk)
    assert first
    assert QUEUE.claim(jobs[0].pk) is None
    pass_lease(jobs[0])
    assert QUEUE.claim(jobs[0].pk)
    with pytest.raises(LeaseLost):
        first.renew(number=7)
    jobs[0].refresh_from_db()
    assert jobs[0].number == 0


def test_a_lease_that_was_lost_is_not_released(jobs):
    first = QUEUE.claim(jobs[0].pk)
    pass_lease(jobs[0])
    second = QUEUE.claim(jobs[0].pk)
    first.release()
    second.renew()


def test_the_enterprise_that_was_served_longest_ago_is_next(jobs, settings):
    settings.JOB_TURN_SECONDS = 0
    served: list[int] = []

    def work(lease):
        served.append(lease.id)
        if served.count(lease.id) == 3:
            end(lease)

    queue_of(work).work_on_all()
    assert served == [job.pk for job in jobs] * 3


def test_a_temporary_error_only_causes_a_pause(jobs, settings):
    settings.JOB_RETRY_SECONDS = 60
    queue = queue_of(lambda lease: 1 / 0)
    queue.work_on(jobs[0])
    jobs[0].refresh_from_db()
    pause = (jobs[0].lease_until - timezone.now()).total_seconds()
    assert (jobs[0].failures, 55 < pause <= 60) == (1, True)
    assert queue.claim(jobs[0].pk) is None
    pass_lease(jobs[0])
    queue_of(end).work_on(jobs[0])
    jobs[0].refresh_from_db()
    assert (jobs[0].failures, jobs[0].lease, jobs[0].finished_at is None) == (0, "", False)


def test_a_job_is_given_up_after_repeated_errors(jobs, settings):
    settings.JOB_RETRY_SECONDS = 0
    given_up: list[int] = []

    def give_up(lease):
        given_up.append(lease.id)
        end(lease)

    queue = queue_of(lambda lease: 1 / 0 if lease.id == jobs[1].pk else end(lease), give_up)
    queue.work_on_all()
    assert given_up == [jobs[1].pk]
    assert not AuditCheck.objects.filter(finished_at=None).exists()


def test_a_lost_database_leaves_the_job_to_the_next_worker(jobs):
    def work(lease):
        raise OperationalError

    with pytest.raises(OperationalError):
        queue_of(work).work_on(jobs[0])
    jobs[0].refresh_from_db()
    assert (jobs[0].failures, jobs[0].lease != "") == (0, True)


def test_a_job_that_may_not_start_does_not_delay_others(jobs):
    queue = queue_of(end, may_start=lambda job: job.pk != jobs[0].pk)
    queue.work_on_all()
    assert list(AuditCheck.objects.filter(finished_at=None)) == [jobs[0]]
