"""Limits on sent codes per phone number, per browser and, for strangers, per address (security.md 1.2).

All windows roll: a limit per hour counts the last 60 minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.locks import advisory_lock
from sms.codes.alarms import current_window, raise_alarm
from sms.models import Alarm, PhoneAttemptCounter, PhoneCode

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
# Purposes for which a number that is not in the directory gets a code.
STRANGERS_MAY = {"apply"}


class CodeLimited(Exception):
    """No code was sent; `str(error)` is the message for the person, `retry_after` is in seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def refuse_beyond_limits(code: PhoneCode, counter: PhoneAttemptCounter) -> None:
    """Raise CodeLimited if this unsaved code exceeds a limit. The caller holds the locks of its phone and browser."""
    refuse_waiting(counter)
    _refuse_beyond_phone(code)
    _refuse_beyond_browser(code)
    if code.purpose in STRANGERS_MAY:
        _refuse_beyond_address(code)
    if code.is_stranger:
        _refuse_beyond_prefix(code)


def strangers_nearby(code: PhoneCode) -> QuerySet[PhoneCode]:
    """Return the codes sent to strangers from the same address within SMS_WINDOW_SECONDS and not entered."""
    return _unproven(code).filter(address_block=code.address_block)


def refuse_waiting(counter: PhoneAttemptCounter) -> None:
    """Raise CodeLimited while this number must wait after consecutive failures."""
    if counter.failures >= settings.SMS_FAILURES_UNTIL_OFF:
        raise CodeLimited(
            _("Codes are turned off for this number after too many wrong attempts. Contact your administrator."),
            int(DAY.total_seconds()),
        )
    if counter.wait_until and counter.wait_until > timezone.now():
        raise CodeLimited(
            _("Too many wrong codes for this number. Try again later."), seconds_until(counter.wait_until)
        )


def seconds_until(moment: datetime) -> int:
    """Return whole seconds, at least one, for Retry-After."""
    return max(1, ceil((moment - timezone.now()).total_seconds()))


def _refuse_beyond_phone(code: PhoneCode) -> None:
    sent = list(
        PhoneCode.objects.filter(phone=code.phone, created_at__gt=code.created_at - DAY)
        .order_by("-created_at")
        .values_list("purpose", "created_at")[: settings.SMS_CODES_PER_DAY]
    )
    resend = timedelta(seconds=settings.SMS_CODE_RESEND_SECONDS)
    of_purpose = [created_at for purpose, created_at in sent if purpose == code.purpose]
    if of_purpose and of_purpose[0] + resend > code.created_at:
        raise CodeLimited(_("A code was just sent. Wait for it to arrive."), seconds_until(of_purpose[0] + resend))
    times = [created_at for _purpose, created_at in sent]
    text = _("Too many codes were requested for this number. Try again later.")
    _refuse_full_window(times, settings.SMS_CODES_PER_HOUR, HOUR, code.created_at, text)
    _refuse_full_window(times, settings.SMS_CODES_PER_DAY, DAY, code.created_at, text)


def _refuse_beyond_browser(code: PhoneCode) -> None:
    window = timedelta(seconds=settings.SMS_WINDOW_SECONDS)
    times = list(
        PhoneCode.objects.filter(browser=code.browser, created_at__gt=code.created_at - window)
        .order_by("-created_at")
        .values_list("created_at", flat=True)[: settings.SMS_CODES_PER_BROWSER]
    )
    text = _("Too many codes were requested from this browser. Try again later.")
    _refuse_full_window(times, settings.SMS_CODES_PER_BROWSER, window, code.created_at, text)


def _refuse_full_window(times: list[datetime], most: int, window: timedelta, now: datetime, text: str) -> None:
    """Raise CodeLimited if at least `most` of `times` (newest first) lie within the window."""
    if len(times) >= most and times[most - 1] + window > now:
        raise CodeLimited(text, seconds_until(times[most - 1] + window))


def _refuse_beyond_address(code: PhoneCode) -> None:
    """Stop floods to invented numbers; below this limit a proof of work may be required (sms.codes.proof_of_work)."""
    advisory_lock(f"address {code.address_block}")
    if strangers_nearby(code).count() >= settings.SMS_STRANGERS_WITH_WORK:
        raise CodeLimited(
            _("Too many codes were requested from this network. Try again later."), settings.SMS_WINDOW_SECONDS
        )


def _refuse_beyond_prefix(code: PhoneCode) -> None:
    """Stop SMS pumping: many numbers of one prefix. The last code within the limit raises the alarm, because a
    refusal would roll it back."""
    nearby = strangers_nearby(code) | _unproven(code).filter(browser=code.browser)
    alike = nearby.filter(phone__startswith=code.phone[:-4])
    others = alike.exclude(phone=code.phone).values("phone").distinct().count()
    if others >= settings.SMS_STRANGERS_PER_PREFIX:
        raise CodeLimited(
            _("Too many codes were requested from this network. Try again later."), settings.SMS_WINDOW_SECONDS
        )
    if others == settings.SMS_STRANGERS_PER_PREFIX - 1:
        raise_alarm(Alarm.Kind.ROW, window=current_window(settings.SMS_WINDOW_SECONDS))


def _unproven(code: PhoneCode) -> QuerySet[PhoneCode]:
    since = code.created_at - timedelta(seconds=settings.SMS_WINDOW_SECONDS)
    return PhoneCode.objects.filter(is_stranger=True, consumed_at=None, created_at__gt=since)
