"""Limits per rolling window, such as five in the last hour, counted in rows that have times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from django.utils import timezone
from django.utils.translation import ngettext

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


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


def wait_text(seconds: int) -> str:
    """Return the sentence that says when to try again, in minutes or in hours."""
    hours, minutes = ceil(seconds / 3600), ceil(seconds / 60)
    if minutes > 120:
        return ngettext("Try again in %(hours)s hour.", "Try again in %(hours)s hours.", hours) % {"hours": hours}
    words = ngettext("Try again in %(minutes)s minute.", "Try again in %(minutes)s minutes.", minutes)
    return words % {"minutes": minutes}
