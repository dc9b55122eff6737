"""Delete or erase codes and messages at the end of their retention (security.md 6.4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sms.models import DeliveryReport, Message, PhoneAttemptCounter, PhoneCode


def delete_expired_codes() -> None:
    """Delete codes with their decoy messages, and the counters of numbers without failures."""
    before = timezone.now() - timedelta(hours=settings.SMS_CODE_ROW_HOURS)
    PhoneCode.objects.filter(created_at__lte=before).delete()
    Message.objects.filter(kind=Message.Kind.CODE, state=Message.State.CANCELLED, created_at__lte=before).delete()
    while _delete_idle_counters():
        pass


def delete_expired_messages() -> None:
    """Erase the text of old messages, then delete the rows. Waiting messages keep their text."""
    now = timezone.now()
    DeliveryReport.objects.filter(received_at__lt=now - timedelta(hours=settings.SMS_REPORT_HOURS)).delete()
    ended = Message.objects.exclude(state__in=[*Message.WAITING, Message.State.CLAIMED])
    old = ended.filter(created_at__lt=now - timedelta(days=settings.SMS_TEXT_DAYS))
    old.exclude(text="").update(text="", params={})
    old.filter(created_at__lt=now - timedelta(days=settings.SMS_ROW_DAYS)).delete()


def erase_messages(purpose: str, subjects: Collection[str]) -> None:
    """Erase number and text of all messages to these subjects, but keep the rows."""
    Message.objects.filter(purpose=purpose, subject__in=subjects).update(to="", text="", params={}, encrypted="")


def erase_recipients(enterprise: int, phones: Mapping[str, datetime | None]) -> None:
    """Erase number and text of messages from this enterprise, or from the sign-in page, to these E.164 numbers.

    `phones` maps each number to the time after which it may belong to someone else; None: no such time.
    """
    # By number alone, which has an index; together with the enterprise the planner may read all its messages.
    sent = Message.objects.filter(to__in=phones).values_list("pk", "enterprise", "to", "created_at")
    ids = [id for id, owner, to, at in sent if owner in {enterprise, None} and at <= (phones[to] or at)]
    Message.objects.filter(pk__in=ids).update(to="", text="", params={}, encrypted="")


def delete_counters(phones: Collection[str]) -> None:
    """Delete the counters of numbers that belong to nobody any more."""
    PhoneAttemptCounter.objects.filter(phone__in=phones).delete()


def _delete_idle_counters() -> int:
    """Delete up to 1000 counters, locked before the check because sending a code locks them too. Return how many."""
    idle = PhoneAttemptCounter.objects.filter(failures=0).exclude(phone__in=PhoneCode.objects.values("phone"))
    with transaction.atomic():
        locked = dict(idle.select_for_update(skip_locked=True).values_list("pk", "phone")[:1000])
        still_used = set(PhoneCode.objects.filter(phone__in=locked.values()).values_list("phone", flat=True))
        pks = [pk for pk, phone in locked.items() if phone not in still_used]
        return PhoneAttemptCounter.objects.filter(pk__in=pks).delete()[0]
