"""Low conversion: few of the anonymous codes are entered, so they go to other people's numbers (docs/limits.md, L9).

While it lasts, every anonymous code takes a proof of work, twice as much every SMS_WINDOW_SECONDS. The condition holds
at once, by the codes themselves; its alarms, which a task raises, say how long it has lasted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from sms.codes.alarms import current_window, raise_alarm
from sms.codes.proof_of_work import Demand
from sms.models import Alarm, Door, PhoneCode


def check_conversion() -> bool:
    """Raise the alarm if the conversion is low. Return True if so."""
    is_low = _is_low()
    if is_low:
        raise_alarm(Alarm.Kind.CONVERSION, window=current_window(settings.SMS_WINDOW_SECONDS))
    return is_low


def demand_of_conversion() -> Demand | None:
    """Return the work that every anonymous code takes now."""
    now, began = timezone.now(), _beginning()
    if began is None and not _is_low():
        return None
    lasted = now - began if began else timedelta()
    return Demand(min(lasted // _window(), settings.SMS_WORK_DOUBLINGS), now + _window())


def _is_low() -> bool:
    now = timezone.now()
    aged = Q(created_at__lte=now - timedelta(seconds=settings.SMS_CONVERSION_AGE_SECONDS))
    counts = PhoneCode.objects.filter(door=Door.ANONYMOUS, created_at__gt=now - _window()).aggregate(
        asked=Count("pk"),
        aged=Count("pk", filter=aged),
        entered=Count("pk", filter=aged & Q(consumed_at__isnull=False)),
    )
    if counts["asked"] < settings.SMS_CONVERSION_LEAST or counts["aged"] < settings.SMS_CONVERSION_SAMPLE:
        return False
    return counts["entered"] * 100 < counts["aged"] * settings.SMS_CONVERSION_PERCENT


def _beginning() -> datetime | None:
    """Return the first of the alarms without a gap up to now; None if the last one is over.

    Two windows are the longest interval between alarms while the cause lasts. Alarms from before the longest work was
    reached don't matter.
    """
    gap, began = 2 * _window(), timezone.now()
    since = began - (settings.SMS_WORK_DOUBLINGS + 2) * _window()
    alarms = Alarm.objects.filter(kind=Alarm.Kind.CONVERSION, raised_at__gt=since).order_by("-raised_at")
    chain: list[datetime] = []
    for raised_at in alarms.values_list("raised_at", flat=True):
        if raised_at + gap <= began:
            break
        began = raised_at
        chain.append(raised_at)
    return chain[-1] if chain else None


def _window() -> timedelta:
    return timedelta(seconds=settings.SMS_WINDOW_SECONDS)
