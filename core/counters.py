"""Limits per window of time: counters in fixed windows, and rolling windows over rows that have times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from django.db.models import F
from django.utils import timezone
from django.utils.translation import ngettext

from core.models import Counter

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


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


def free_at(times: Sequence[datetime], most: int, seconds: float) -> datetime:
    """Return when one more keeps within `most` per `seconds`, given the `times` of those before, newest first.

    That moment may be long ago.
    """
    return times[most - 1] + timedelta(seconds=seconds) if len(times) >= most else LONG_AGO


def all_free_at(times: Sequence[datetime], limits: Iterable[tuple[int, float]]) -> datetime:
    """Return when one more keeps within all of these (most, seconds) limits."""
    return max(free_at(times, most, seconds) for most, seconds in limits)


def seconds_until(moment: datetime) -> int:
    """Return whole seconds, at least one, for Retry-After."""
    return max(1, ceil((moment - timezone.now()).total_seconds()))


def try_again_text(seconds: int) -> str:
    """Return the sentence that says when to try again, in minutes or in hours."""
    hours, minutes = ceil(seconds / 3600), ceil(seconds / 60)
    if minutes > 120:
        return ngettext("Try again in %(hours)s hour.", "Try again in %(hours)s hours.", hours) % {"hours": hours}
    words = ngettext("Try again in %(minutes)s minute.", "Try again in %(minutes)s minutes.", minutes)
    return words % {"minutes": minutes}


def delete_expired_counters() -> None:
    """Delete counters of windows that began more than a day ago."""
    Counter.objects.filter(window__lt=timezone.now() - timedelta(days=1)).delete()


def _current_window(seconds: int) -> datetime:
    return datetime.fromtimestamp(timezone.now().timestamp() // seconds * seconds, tz=UTC)


def _seconds_left(window: datetime, seconds: int) -> int:
    return seconds_until(window + timedelta(seconds=seconds))
