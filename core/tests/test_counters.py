"""Limits in rolling windows, and the words for the wait."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone, translation

from core.counters import LONG_AGO, all_free_at, free_at, seconds_until, try_again_text


def test_one_more_is_free_once_the_oldest_that_counts_has_left_the_window(time_machine):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    times = [now - timedelta(seconds=age) for age in (10, 20, 30)]
    assert free_at(times, 4, 60) == LONG_AGO
    assert free_at(times, 3, 60) == now + timedelta(seconds=30)
    assert free_at(times, 2, 60) == now + timedelta(seconds=40)
    assert free_at([], 1, 60) == LONG_AGO
    assert all_free_at(times, [(1, 15), (3, 60), (4, 3600)]) == now + timedelta(seconds=30)
    assert seconds_until(now + timedelta(seconds=30)) == 30
    assert seconds_until(now + timedelta(seconds=29.1)) == 30
    assert seconds_until(now) == seconds_until(LONG_AGO) == 1


def test_the_wait_is_never_told_shorter_than_it_is():
    for seconds, words in [
        (1, "1 minute."),
        (60, "1 minute."),
        (61, "2 minutes."),
        (7200, "120 minutes."),
        (7201, "3 hours."),
        (86_400, "24 hours."),
    ]:
        with translation.override("en"):
            assert try_again_text(seconds) == f"Try again in {words}"
