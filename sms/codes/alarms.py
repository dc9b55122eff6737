"""Alarms for administrators: budgets of codes that run out, and signs of abuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from sms.models import Alarm, PhoneCode


def raise_alarm(kind: str, *, enterprise: int = 0, window: datetime) -> None:
    """Raise an alarm at most once per window. `enterprise` 0 stands for all enterprises."""
    key = f"{kind} {enterprise} {window:%Y%m%d%H%M}"
    Alarm.objects.bulk_create([Alarm(key=key, kind=kind, enterprise_id=enterprise or None)], ignore_conflicts=True)


def current_alarms(enterprise: int) -> QuerySet[Alarm]:
    """Return the alarms of the last day that concern this enterprise, newest first."""
    since = timezone.now() - timedelta(days=1)
    concerned = Q(enterprise=enterprise) | Q(enterprise=None)
    return Alarm.objects.filter(concerned, raised_at__gt=since).order_by("-raised_at")


def check_conversion() -> bool:
    """Raise an alarm if few of the codes sent within SMS_WINDOW_SECONDS were entered. Return True if so.

    A low rate suggests that codes are requested for other people's numbers.
    """
    now = timezone.now()
    window = timedelta(seconds=settings.SMS_WINDOW_SECONDS)
    sent = PhoneCode.objects.filter(is_decoy=False, created_at__gt=now - window)
    number = sent.count()
    if number < settings.SMS_CONVERSION_LEAST:
        return False
    if sent.filter(consumed_at__isnull=False).count() >= number * settings.SMS_CONVERSION_PERCENT / 100:
        return False
    raise_alarm(Alarm.Kind.CONVERSION, window=current_window(settings.SMS_WINDOW_SECONDS))
    return True


def is_conversion_low() -> bool:
    """True if the conversion alarm was raised within two windows, the longest interval while its cause lasts."""
    since = timezone.now() - timedelta(seconds=2 * settings.SMS_WINDOW_SECONDS)
    return Alarm.objects.filter(kind=Alarm.Kind.CONVERSION, raised_at__gt=since).exists()


def current_window(seconds: int) -> datetime:
    """Return the start of the current fixed window of `seconds`."""
    return datetime.fromtimestamp(timezone.now().timestamp() // seconds * seconds, tz=UTC)


def delete_expired_alarms() -> None:

    Alarm.objects.filter(raised_at__lt=timezone.now() - timedelta(days=settings.SMS_ALARM_DAYS)).delete()
