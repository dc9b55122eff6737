"""Counters in fixed windows, for limits without a row of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.utils import timezone

from core.models import Counter


class CounterFull(Exception):
    """The limit is reached. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def count_up(key: str, *, seconds: int, most: int) -> None:
    """Count one more under `key` in the current window of `seconds`. Raise CounterFull beyond `most`.

    One statement counts and compares, so that parallel calls can't exceed the limit.
    """
    window = _current_window(seconds)
    Counter.objects.bulk_create([Counter(key=key, window=window)], ignore_conflicts=True)
    if not Counter.objects.filter(key=key, window=window, count__lt=most).update(count=F("count") + 1):
        raise CounterFull(_seconds_left(window, seconds))


def check_count(key: str, *, seconds: int, most: int) -> None:
    """Raise CounterFull if `count_up` would, without counting."""
    window = _current_window(seconds)
    if Counter.objects.filter(key=key, window=window, count__gte=most).exists():
        raise CounterFull(_seconds_left(window, seconds))


def delete_expired_counters() -> None:
    """Delete counters of windows that began more than a day ago."""
    Counter.objects.filter(window__lt=timezone.now() - timedelta(days=1)).delete()


def _current_window(seconds: int) -> datetime:
    return datetime.fromtimestamp(timezone.now().timestamp() // seconds * seconds, tz=UTC)


def _seconds_left(window: datetime, seconds: int) -> int:
    return max(1, int((window + timedelta(seconds=seconds) - timezone.now()).total_seconds()))
