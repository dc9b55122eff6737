"""Alarms for administrators: budgets of codes that run out, and signs of abuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from sms.models import Alarm


def raise_alarm(kind: str, *, enterprise: int = 0, window: datetime) -> None:
    """Raise an alarm at most once per window. `enterprise` 0 stands for all enterprises."""
    key = f"{kind} {enterprise} {window:%Y%m%d%H%M}"
    Alarm.objects.bulk_create([Alarm(key=key, kind=kind, enterprise_id=enterprise or None)], ignore_conflicts=True)


def current_alarms(enterprise: int) -> QuerySet[Alarm]:
    """Return the alarms of the last day that concern this enterprise, newest first."""
    since = timezone.now() - timedelta(days=1)
    concerned = Q(enterprise=enterprise) | Q(enterprise=None)
    return Alarm.objects.filter(concerned, raised_at__gt=since).order_by("-raised_at")


def current_window(seconds: int) -> datetime:
    """Return the start of the current fixed window of `seconds`."""
    return datetime.fromtimestamp(timezone.now().timestamp() // seconds * seconds, tz=UTC)


def delete_expired_alarms() -> None:
    Alarm.objects.filter(raised_at__lt=timezone.now() - timedelta(days=settings.SMS_ALARM_DAYS)).delete()
