"""The table of core.counters."""

from __future__ import annotations

from django.db import models


class Counter(models.Model):
    """How often something happened in a window of time; see core.counters."""

    key = models.CharField(max_length=120)
    window = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window"], name="counter_once_per_window")]
        indexes = [models.Index(fields=["window"], name="counter_age")]

    def __str__(self) -> str:
        return f"{self.key} {self.count}"
