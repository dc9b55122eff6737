"""Twenty threads on the limits of accounts.sign_in.attempt_limits, in a process and on a database of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from django.db import connection

from accounts.models import AttemptCounter
from accounts.sign_in.attempt_limits import AttemptLimit, AttemptLimiter, PasswordAttempt, delete_expired_attempts

THREADS = 20


def report(folder: Path) -> dict[str, dict[str, int]]:
    """Return how often each race had which outcome (errors by name), and the sum of the failures it left."""
    return {
        "one limit": _race(lambda _thread: _limiter(("name", 7)).count()),
        "a shared limit and one each": _race(lambda thread: _limiter((str(thread), 3), ("address", 7)).count()),
        "any order": _race(_count_and_succeed),
        "a password": _race(lambda _thread: PasswordAttempt("alice", browser="b", address="a").count()),
    }


def _limiter(*limits: tuple[str, int]) -> AttemptLimiter:
    return AttemptLimiter(*(AttemptLimit("race", name, failures) for name, failures in limits))


def _count_and_succeed(thread: int) -> None:
    """Use three names in a rotated order, again and again, while expired rows are deleted."""
    names = ["a", "b", "c"] * 2
    limiter = _limiter(*((name, 10**6) for name in names[thread % 3 : thread % 3 + 3]))
    for _attempt in range(10):
        limiter.count()
        limiter.succeed()
        delete_expired_attempts()


def _race(work: Callable[[int], None]) -> dict[str, int]:
    AttemptCounter.objects.all().delete()
    gate = Barrier(THREADS)

    def run(thread: int) -> str:
        gate.wait()
        try:
            work(thread)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()
        return "counted"

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = Counter(pool.map(run, range(THREADS)))
    return {**outcomes, "failures": sum(AttemptCounter.objects.values_list("failures", flat=True))}
