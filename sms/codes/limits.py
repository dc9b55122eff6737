"""Limits on sent codes per phone number, and at the anonymous door per browser too (docs/limits.md, L1 to L3 and L5).

All windows roll: a limit per hour counts the last 60 minutes. What is asked for at the proven door never counts at the
anonymous one, so that no answer there tells about the owner of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.counters import all_free_at, free_at, seconds_until
from sms.models import Door, PhoneCode

DAY = timedelta(hours=24)


class CodeLimited(Exception):
    """No code was sent; `str(error)` is the message for the person, `retry_after` is in seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def refuse_until(moment: datetime, text: str) -> None:
    """Raise CodeLimited if `moment` is to come."""
    if moment > timezone.now():
        raise CodeLimited(text, seconds_until(moment))


def refuse_beyond_number(code: PhoneCode) -> None:
    """Raise CodeLimited beyond the anonymous codes of the number (L1), or those from this block not entered (L2)."""
    rows = list(_codes_of_number(code, Door.ANONYMOUS).values_list("created_at", "address_block", "consumed_at"))
    asked = [at for at, _block, _entered_at in rows]
    here = [at for at, block, entered_at in rows if block == code.address_block and entered_at is None]
    of_number = all_free_at(asked, settings.SMS_CODES_ANONYMOUS)
    _refuse_number(max(of_number, all_free_at(here, settings.SMS_CODES_FROM_BLOCK)), asked)


def refuse_beyond_share(code: PhoneCode) -> None:
    """Raise CodeLimited beyond the codes of the number at the proven door (L3).

    They are within the guaranteed share, or else with the anonymous ones within the carriers' caps.
    """
    proven = list(_codes_of_number(code, Door.PROVEN).values_list("created_at", flat=True))
    anonymous = list(_codes_of_number(code, Door.ANONYMOUS).values_list("created_at", flat=True))
    both = sorted([*proven, *anonymous], reverse=True)
    shares = zip(settings.SMS_CODES_PROVEN, settings.SMS_CODES_OF_NUMBER, strict=True)
    moment = max(min(free_at(proven, *guaranteed), free_at(both, *cap)) for guaranteed, cap in shares)
    _refuse_number(moment, proven)


def refuse_beyond_browser(code: PhoneCode) -> None:
    """Raise CodeLimited beyond the anonymous codes of the browser (L5)."""
    asked = PhoneCode.objects.filter(door=Door.ANONYMOUS, browser=code.browser, created_at__gt=code.created_at - DAY)
    times = list(asked.order_by("-created_at").values_list("created_at", flat=True))
    text = _("Too many codes were requested from this browser. Try again later.")
    refuse_until(all_free_at(times, settings.SMS_CODES_OF_BROWSER), text)


def _codes_of_number(code: PhoneCode, door: Door) -> QuerySet[PhoneCode]:
    asked = PhoneCode.objects.filter(phone=code.phone, door=door, created_at__gt=code.created_at - DAY)
    return asked.order_by("-created_at")


def _refuse_number(moment: datetime, times: Sequence[datetime]) -> None:
    """Raise CodeLimited if `moment` is to come, and say so if only the latest of `times` is too recent."""
    if times and moment <= times[0] + timedelta(seconds=settings.SMS_CODE_RESEND_SECONDS):
        refuse_until(moment, _("A code was sent to this number less than a minute ago. Try again in a moment."))
    refuse_until(moment, _("Too many codes were requested for this number. Try again later."))
