"""Numbers counted in one statement, for limits that are not about one row of some other table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.utils import timezone

from core.models import Counter


class CounterFull(Exception):
    """One more would be too many. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def count_up(key: str, *, seconds: int, most: int) -> None:
    """Count one more under `key` in this window of `seconds`; raises CounterFull beyond `most`, parallel calls too."""
    now = timezone.now()
    window = datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=UTC)
    Counter.objects.bulk_create([Counter(key=key, window=window)], ignore_conflicts=True)
    counted = Counter.objects.filter(key=key, window=window, count__lt=most).update(count=F("count") + 1)
    if not counted:
        raise CounterFull(max(1, int((window + timedelta(seconds=seconds) - now).total_seconds())))


def delete_expired_counters() -> None:
    """Forget windows that are over for a day."""
    Counter.objects.filter(window__lt=timezone.now() - timedelta(days=1)).delete()
