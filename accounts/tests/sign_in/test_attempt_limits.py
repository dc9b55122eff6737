"""Limits on attempts: all of them count an attempt, or none does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AttemptCounter
from accounts.sign_in.attempt_limits import (
    AttemptLimit,
    AttemptLimiter,
    AttemptsExceeded,
    PasswordAttempt,
    delete_expired_attempts,
)

pytestmark = pytest.mark.django_db
WAIT_SECONDS = 900


def limit(name, failures, **period):
    return AttemptLimit("test", name, failures, **period)


def rows():
    return list(AttemptCounter.objects.order_by("key").values())


def failures_of(*limits):
    counted = dict(AttemptCounter.objects.values_list("key", "failures"))
    return [counted.get(one.key, 0) for one in limits]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_refused_attempt_counts_against_no_limit_and_writes_nothing(order):
    narrow, wide = limit("narrow", 2), limit("wide", 9)
    limiter = AttemptLimiter(*[(narrow, wide)[index] for index in order])
    for _attempt in range(2):
        limiter.count()
    before = rows()
    for _attempt in range(3):
        with pytest.raises(AttemptsExceeded):
            limiter.count()
    assert rows() == before
    assert failures_of(narrow, wide) == [2, 2]


def test_a_refused_attempt_creates_no_counter_for_its_other_names():
    full = limit("address", 1)
    AttemptLimiter(full).count()
    with pytest.raises(AttemptsExceeded):
        AttemptLimiter(limit("browser", 9), full).count()
    assert AttemptCounter.objects.get().key == full.key


def test_a_right_attempt_is_taken_back_from_every_limit():
    limits = limit("browser", 5), limit("address", 5)
    limiter = AttemptLimiter(*limits)
    limiter.count()
    limiter.count()
    limiter.succeed()
    assert failures_of(*limits) == [1, 1]


def test_each_limit_has_its_own_period(time_machine):
    time_machine.move_to("2026-11-22T09:00:00Z", tick=False)
    quarter, day = limit("quarter", 1), limit("day", 2, seconds=86400)
    limiter = AttemptLimiter(quarter, day)
    limiter.count()
    with pytest.raises(AttemptsExceeded) as refused:
        limiter.count()
    assert refused.value.retry_after == WAIT_SECONDS
    time_machine.shift(WAIT_SECONDS)
    limiter.count()
    time_machine.shift(WAIT_SECONDS)
    with pytest.raises(AttemptsExceeded) as refused:
        limiter.count()
    assert refused.value.retry_after == 86400 - 2 * WAIT_SECONDS


def test_the_first_limit_that_is_reached_determines_the_wait(time_machine):
    time_machine.move_to("2026-11-22T09:00:00Z", tick=False)
    limiter = AttemptLimiter(limit("quarter", 1), limit("day", 1, seconds=86400))
    limiter.count()
    with pytest.raises(AttemptsExceeded) as refused:
        limiter.count()
    assert refused.value.retry_after == WAIT_SECONDS


def test_two_limits_cost_as_many_queries_as_one(django_assert_num_queries):
    for limits in ([limit("a", 5)], [limit("a", 5), limit("b", 5)]):
        # Read; savepoint, create and lock, read, update, release.
        with django_assert_num_queries(6):
            AttemptLimiter(*limits).count()


def test_a_refused_attempt_costs_one_query(django_assert_num_queries):
    limiter = AttemptLimiter(limit("a", 1), limit("b", 5))
    limiter.count()
    with django_assert_num_queries(1), pytest.raises(AttemptsExceeded):
        limiter.count()


def test_a_refused_password_attempt_writes_nothing(settings):
    attempt = PasswordAttempt("alice", browser="b", address="a")
    for _attempt in range(settings.ACCOUNTS_PASSWORD_FAILURES):
        attempt.count()
    before = rows()
    with pytest.raises(AttemptsExceeded):
        attempt.count()
    assert rows() == before


def test_expired_attempts_are_deleted():
    now = timezone.now()
    ages = {"failed yesterday": (1, 25), "failed today": (1, 23), "known": (0, 24 * 179), "forgotten": (0, 24 * 181)}
    for key, (failures, hours) in ages.items():
        AttemptCounter.objects.create(key=key, failures=failures, touched_at=now - timedelta(hours=hours))
    assert delete_expired_attempts() == 2
    assert set(AttemptCounter.objects.values_list("key", flat=True)) == {"failed today", "known"}
