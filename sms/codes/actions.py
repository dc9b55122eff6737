"""One-time codes: sent by SMS and bound to a phone, a purpose and a browser.

All limits are settings (security.md 1.2). A number that gets no SMS runs the same statements, so that response times
don't tell which numbers are in the directory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.encryption import keyed_digests
from core.locks import advisory_lock
from sms.codes.budgets import spend_code
from sms.codes.limits import STRANGERS_MAY, CodeLimited, refuse_beyond_limits, refuse_waiting, seconds_until
from sms.codes.proof_of_work import require_proof
from sms.codes.typed_digits import read_digits
from sms.models import Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.queue import EnterpriseLike, MessageRequest, cancel_messages, queue_messages

__all__ = ["CodeExpired", "CodeLimited", "CodeRefused", "CodeSpent", "CodeWrong"]


class CodeRefused(Exception):
    """The code was not accepted; `str(error)` is the message for the person who entered it."""


class CodeWrong(CodeRefused):
    """The input differs from the code that was sent, or is not a code."""


class CodeExpired(CodeRefused):
    """The code has expired or was used, or none was sent."""


class CodeSpent(CodeRefused):
    """Too many attempts; `retry_after` is in seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def send_code(
    *,
    phone: str,
    purpose: str,
    browser: str,
    language: str,
    subject: str = "",
    enterprise: EnterpriseLike | None = None,
    is_listed: bool = True,
    address: str = "",
    work: str = "",
) -> PhoneCode:
    """Send a new code to `phone` (E.164) and invalidate the previous one. Raise CodeLimited.

    `browser` is the secret of the browser cookie, `address` the client's address block, `work` the answer to the
    challenge of a ProofRequired (a CodeLimited). A number that is not listed gets an SMS only for a purpose in
    STRANGERS_MAY; for any other, a decoy is stored that matches no input.
    """
    now = timezone.now()
    is_decoy = not is_listed and purpose not in STRANGERS_MAY
    code = PhoneCode(
        phone=phone,
        purpose=purpose,
        subject=subject,
        browser=_browser_digest(browser),
        is_decoy=is_decoy,
        is_stranger=not is_listed and not is_decoy,
        address_block=address,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.SMS_CODE_SECONDS),
    )
    with transaction.atomic():
        counter = _lock_attempt_counter(phone)
        advisory_lock(f"browser {code.browser}")
        refuse_beyond_limits(code, counter)
        if purpose in STRANGERS_MAY:
            require_proof(code, work)
        spend_code(code, enterprise.pk if enterprise else None)
        _supersede_older(code)
        _send(code, counter, enterprise=enterprise, language=language)
    return code


def current_code(*, purpose: str, browser: str, subject: str = "") -> PhoneCode | None:
    """Return this browser's latest code unless it was used or superseded; it may have expired."""
    asked = PhoneCode.objects.filter(browser=_browser_digest(browser), purpose=purpose, subject=subject)
    newest = asked.order_by("-created_at").first()
    return newest if newest and not newest.consumed_at and not newest.superseded_at else None


def check_code(text: str, *, purpose: str, browser: str, subject: str = "") -> PhoneCode:
    """Consume the code if `text` matches it, which proves the phone. Raise CodeWrong, CodeExpired or CodeSpent.

    Call it outside any transaction that may roll back, because every attempt must stay counted. Input that is not a
    code doesn't count. Failures count only while a code is outstanding, so that they cannot lock out any number.
    """
    digits = read_digits(text, settings.SMS_CODE_DIGITS)
    code = current_code(purpose=purpose, browser=browser, subject=subject)
    if code is None or code.expires_at <= timezone.now():
        raise CodeExpired(_("This code has expired. Request a new one."))
    _refuse_while_waiting(code.phone)
    if not digits:
        raise CodeWrong(_("Enter the %(digits)s-digit code from the SMS.") % {"digits": settings.SMS_CODE_DIGITS})
    _count_check(code)
    if not any(hmac.compare_digest(code.digest, digest) for digest in _digests(code.pk, digits)):
        _count_failure(code.phone)
        raise CodeWrong(_wrong_text(code))
    _consume(code)
    return code


def unlock_phones(phones: Collection[str]) -> None:
    """Reset the failures of these numbers: a code was correct, or an administrator vouches for them.

    Lock the rows in the order of their keys, so that two calls for the same numbers do not deadlock.
    """
    counters = PhoneAttemptCounter.objects.filter(phone__in=phones)
    with transaction.atomic(savepoint=False):
        locked = list(counters.order_by("pk").select_for_update().values_list("pk", flat=True))
        PhoneAttemptCounter.objects.filter(pk__in=locked).update(failures=0, wait_until=None)


def _lock_attempt_counter(phone: str) -> PhoneAttemptCounter:
    PhoneAttemptCounter.objects.bulk_create([PhoneAttemptCounter(phone=phone)], ignore_conflicts=True)
    return PhoneAttemptCounter.objects.select_for_update().get(phone=phone)


def _supersede_older(code: PhoneCode) -> None:
    outstanding = PhoneCode.objects.filter(phone=code.phone, purpose=code.purpose, consumed_at=None, superseded_at=None)
    subjects = [str(id) for id in outstanding.values_list("pk", flat=True)]
    outstanding.update(superseded_at=code.created_at)
    cancel_messages(purpose="code", subject=subjects, reason=gettext_noop("Replaced by a newer code."))


def _send(code: PhoneCode, counter: PhoneAttemptCounter, *, enterprise: EnterpriseLike | None, language: str) -> None:
    digits = _new_digits()
    counter.serial = counter.serial % 99 + 1
    counter.save(update_fields=["serial"])
    code.serial = counter.serial
    code.digest = _digests(code.pk, secrets.token_hex() if code.is_decoy else digits)[0]
    code.save(force_insert=True)
    request = MessageRequest(
        enterprise=enterprise,
        kind=Message.Kind.CODE,
        purpose="code",
        subject=str(code.pk),  # never the number, which is erased before the message's row
        to=code.phone,
        template="code",
        params={
            "enterprise": enterprise.name if enterprise else "",
            "purpose": code.purpose,
            "minutes": str(settings.SMS_CODE_SECONDS // 60),
            "serial": f"{code.serial:02}",
        },
        secrets={"code": digits},
        expires_at=code.expires_at,
        language=language,
        is_decoy=code.is_decoy,
    )
    queue_messages([request])


def _count_check(code: PhoneCode) -> None:
    counted = PhoneCode.objects.filter(
        pk=code.pk,
        attempts__lt=settings.SMS_CODE_CHECKS,
        consumed_at=None,
        superseded_at=None,
        expires_at__gt=timezone.now(),
    ).update(attempts=F("attempts") + 1)
    if counted:
        return
    code.refresh_from_db()
    if code.attempts >= settings.SMS_CODE_CHECKS and not code.consumed_at and not code.superseded_at:
        resend_at = code.created_at + timedelta(seconds=settings.SMS_CODE_RESEND_SECONDS)
        raise CodeSpent(_("Too many attempts. Request a new code."), seconds_until(resend_at))
    raise CodeExpired(_("This code has expired. Request a new one."))


def _count_failure(phone: str) -> None:
    """Count the failure and start the wait of the threshold it reaches, in one statement."""
    now = timezone.now()
    waits = [When(failures=failures - 1, then=Value(now + wait)) for failures, wait in settings.SMS_FAILURE_WAITS]
    PhoneAttemptCounter.objects.filter(phone=phone).update(
        failures=F("failures") + 1,
        wait_until=Case(*waits, default=F("wait_until"), output_field=DateTimeField()),
    )


def _consume(code: PhoneCode) -> None:
    now = timezone.now()
    consumed = PhoneCode.objects.filter(pk=code.pk, consumed_at=None, superseded_at=None, expires_at__gt=now).update(
        consumed_at=now
    )
    if not consumed:
        raise CodeExpired(_("This code has expired. Request a new one."))
    code.consumed_at = now
    unlock_phones([code.phone])


def _refuse_while_waiting(phone: str) -> None:
    counter = PhoneAttemptCounter.objects.filter(phone=phone).first()
    if counter:
        try:
            refuse_waiting(counter)
        except CodeLimited as limited:
            raise CodeSpent(str(limited), limited.retry_after) from None


def _wrong_text(code: PhoneCode) -> str:
    left = settings.SMS_CODE_CHECKS - code.attempts - 1
    if left < 1:
        return _("The code is wrong. Request a new one.")
    return ngettext(
        "The code is wrong. You have %(left)s attempt left.",
        "The code is wrong. You have %(left)s attempts left.",
        left,
    ) % {"left": left}


def _new_digits() -> str:
    return f"{secrets.randbelow(10**settings.SMS_CODE_DIGITS):0{settings.SMS_CODE_DIGITS}}"


def _digests(challenge: uuid.UUID, digits: str) -> list[str]:
    return keyed_digests(challenge.bytes + digits.encode(), "code")


def _browser_digest(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()
