"""What is kept how long (security.md 6.4): codes a day, a message's words 30 days, its row 180 days."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sms.models import Message, PhoneCode, PhoneStanding


def purge_codes() -> None:
    """Forget codes, and with them the numbers that got no SMS or against which nothing is held."""
    before = timezone.now() - timedelta(hours=settings.SMS_CODE_ROW_HOURS)
    PhoneCode.objects.filter(created_at__lte=before).delete()
    Message.objects.filter(kind=Message.Kind.CODE, state=Message.State.CANCELLED, created_at__lte=before).delete()
    while _purge_standings():
        pass


def purge_messages() -> None:
    """Empty the words of old messages, then delete the rows. What still waits keeps its words."""
    now = timezone.now()
    over = Message.objects.exclude(state__in=[*Message.WAITING, Message.State.CLAIMED])
    over.filter(created_at__lt=now - timedelta(days=settings.SMS_TEXT_DAYS)).exclude(text="").update(text="", params={})
    over.filter(created_at__lt=now - timedelta(days=settings.SMS_ROW_DAYS)).delete()


def _purge_standings() -> int:
    """A thousand at a time. Locked first and looked up after: whoever sends a code locks the same row."""
    idle = PhoneStanding.objects.filter(failures=0).exclude(phone__in=PhoneCode.objects.values("phone"))
    with transaction.atomic():
        phones = set(idle.select_for_update(skip_locked=True).values_list("phone", flat=True)[:1000])
        phones -= set(PhoneCode.objects.filter(phone__in=phones).values_list("phone", flat=True))
        return PhoneStanding.objects.filter(phone__in=phones).delete()[0]
