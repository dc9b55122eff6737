"""What an administrator must hear of: codes that run out, and codes that hardly anybody enters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from sms.models import Alarm, PhoneCode


def raise_alarm(kind: str, *, enterprise: int = 0, window: datetime) -> None:
    """Once for each window; `enterprise` 0 concerns all."""
    key = f"{kind} {enterprise} {window:%Y%m%d%H%M}"
    Alarm.objects.bulk_create([Alarm(key=key, kind=kind, enterprise_id=enterprise or None)], ignore_conflicts=True)


def current_alarms(enterprise: int) -> QuerySet[Alarm]:
    """Those of the last day that concern this enterprise, the newest first."""
    since = timezone.now() - timedelta(days=1)
    concerned = Q(enterprise=enterprise) | Q(enterprise=None)
    return Alarm.objects.filter(concerned, raised_at__gt=since).order_by("-raised_at")


def watch_conversion() -> bool:
    """Sound the alarm if few of the codes sent within SMS_WINDOW_SECONDS were entered: somebody may be asking for codes
    to numbers of others, who don't know what for. True if it was sounded."""
    now = timezone.now()
    window = timedelta(seconds=settings.SMS_WINDOW_SECONDS)
    sent = PhoneCode.objects.filter(is_decoy=False, created_at__gt=now - window)
    number = sent.count()
    if number < settings.SMS_CONVERSION_LEAST:
        return False
    if sent.filter(consumed_at__isnull=False).count() >= number * settings.SMS_CONVERSION_PERCENT / 100:
        return False
    raise_alarm(Alarm.Kind.CONVERSION, window=window_now(settings.SMS_WINDOW_SECONDS))
    return True


def is_conversion_poor() -> bool:
    """Whether that alarm was sounded of late. It sounds once a window while the cause lasts, so that from one to the
    next two windows may pass."""
    since = timezone.now() - timedelta(seconds=2 * settings.SMS_WINDOW_SECONDS)
    return Alarm.objects.filter(kind=Alarm.Kind.CONVERSION, raised_at__gt=since).exists()


def window_now(seconds: int) -> datetime:
    """When the window of so many seconds began that it is now."""
    return datetime.fromtimestamp(timezone.now().timestamp() // seconds * seconds, tz=UTC)


def purge_alarms() -> None:
    """Forget those that no page shows any more."""
    Alarm.objects.filter(raised_at__lt=timezone.now() - timedelta(days=settings.SMS_ALARM_DAYS)).delete()
