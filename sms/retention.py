"""What is kept how long (security.md 6.4): codes a day, a message's words 30 days, its row 180 days."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sms.models import DeliveryReport, Message, PhoneAttemptCounter, PhoneCode


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
    DeliveryReport.objects.filter(received_at__lt=now - timedelta(hours=settings.SMS_REPORT_HOURS)).delete()
    over = Message.objects.exclude(state__in=[*Message.WAITING, Message.State.CLAIMED])
    over.filter(created_at__lt=now - timedelta(days=settings.SMS_TEXT_DAYS)).exclude(text="").update(text="", params={})
    over.filter(created_at__lt=now - timedelta(days=settings.SMS_ROW_DAYS)).delete()


def forget_messages(purpose: str, subjects: Collection[str]) -> None:
    """Empty number and words of all messages to these subjects; that they were sent stays."""
    Message.objects.filter(purpose=purpose, subject__in=subjects).update(to="", text="", params={}, encrypted="")


def forget_recipients(enterprise: int, phones: Mapping[str, datetime | None]) -> None:
    """The same for what this enterprise, or the sign-in page, sent to these E.164 numbers up to the moment given: from
    then on a number may be somebody else's."""
    sent = Message.objects.filter(Q(enterprise=enterprise) | Q(enterprise=None), to__in=phones)
    theirs = [id for id, to, at in sent.values_list("pk", "to", "created_at") if at <= (phones[to] or at)]
    Message.objects.filter(pk__in=theirs).update(to="", text="", params={}, encrypted="")


def _purge_standings() -> int:
    """A thousand at a time. Locked first and looked up after: whoever sends a code locks the same row."""
    idle = PhoneAttemptCounter.objects.filter(failures=0).exclude(phone__in=PhoneCode.objects.values("phone"))
    with transaction.atomic():
        phones = set(idle.select_for_update(skip_locked=True).values_list("phone", flat=True)[:1000])
        phones -= set(PhoneCode.objects.filter(phone__in=phones).values_list("phone", flat=True))
        return PhoneAttemptCounter.objects.filter(phone__in=phones).delete()[0]
