"""Counters of fixed time windows, for limits that belong to no row of another table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.utils import timezone

from core.models import Counter


class CounterFull(Exception):
    """The limit of the window is reached; the next one begins in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def count_up(key: str, *, seconds: int, most: int) -> None:
    """Count one under `key` in this window of `seconds`. Raises CounterFull beyond `most`, also for parallel calls."""
    now = timezone.now()
    window = datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=UTC)
    Counter.objects.bulk_create([Counter(key=key, window=window)], ignore_conflicts=True)
    counted = Counter.objects.filter(key=key, window=window, count__lt=most).update(count=F("count") + 1)
    if not counted:
        raise CounterFull(max(1, int((window + timedelta(seconds=seconds) - now).total_seconds())))


def purge_counters() -> None:
    """Delete windows that began more than a day ago."""
    Counter.objects.filter(window__lt=timezone.now() - timedelta(days=1)).delete()
