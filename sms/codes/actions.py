"""One-time codes: sent by SMS and bound to a phone, a purpose and a browser.

All limits are settings (docs/limits.md). A number that gets no SMS runs the same statements, so that response times
don't tell which numbers are in the directory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.counters import seconds_until
from core.encryption import keyed_digests
from sms.codes import anonymous_door
from sms.codes.attempts import count_failure, lock_counter, refuse_after_failures, refuse_check, unlock_phones
from sms.codes.budgets import STRANGERS_MAY
from sms.codes.limits import CodeLimited, refuse_beyond_share
from sms.codes.typed_digits import read_digits
from sms.models import Door, Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.queue import EnterpriseLike, MessageRequest, cancel_messages, queue_messages

__all__ = ["CodeExpired", "CodeLimited", "CodeRefused", "CodeSpent", "CodeWrong", "unlock_phones"]


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


@dataclass(frozen=True)
class Asker:
    """Who asks for a code, and by which door.

    `browser` is the secret of the browser cookie, `address` the client's address block, `work` the answer to the
    challenge of a ProofRequired (a CodeLimited), which the anonymous door may demand.
    """

    door: Door
    browser: str = field(repr=False)
    address: str = ""
    work: str = ""


def send_code(
    *,
    phone: str,
    purpose: str,
    asker: Asker,
    language: str,
    subject: str = "",
    enterprise: EnterpriseLike | None = None,
    is_listed: bool = True,
) -> PhoneCode:
    """Send a new code to `phone` (E.164) and invalidate the previous one of this door. Raise CodeLimited.

    A number that is not listed gets an SMS only for a purpose in STRANGERS_MAY; for any other, a decoy is stored that
    matches no input. A refused request writes nothing.
    """
    now = timezone.now()
    code = PhoneCode(
        phone=phone,
        purpose=purpose,
        subject=subject,
        browser=_browser_digest(asker.browser),
        is_decoy=not is_listed and purpose not in STRANGERS_MAY,
        door=asker.door,
        address_block=asker.address,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.SMS_CODE_SECONDS),
    )
    with transaction.atomic():
        counter = lock_counter(phone, asker.door)
        refuse_after_failures(counter)
        if asker.door == Door.PROVEN:
            refuse_beyond_share(code)
        else:
            anonymous_door.admit(code, enterprise=enterprise.pk if enterprise else None, work=asker.work)
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
    _refuse_while_waiting(code)
    if not digits:
        raise CodeWrong(_("Enter the %(digits)s-digit code from the SMS.") % {"digits": settings.SMS_CODE_DIGITS})
    _count_check(code)
    if not any(hmac.compare_digest(code.digest, digest) for digest in _digests(code.pk, digits)):
        count_failure(code)
        raise CodeWrong(_wrong_text(code))
    _consume(code)
    return code


def _supersede_older(code: PhoneCode) -> None:
    sent = PhoneCode.objects.filter(phone=code.phone, door=code.door, purpose=code.purpose)
    outstanding = sent.filter(consumed_at=None, superseded_at=None)
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
        is_proven=code.door == Door.PROVEN,
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


def _consume(code: PhoneCode) -> None:
    now = timezone.now()
    consumed = PhoneCode.objects.filter(pk=code.pk, consumed_at=None, superseded_at=None, expires_at__gt=now).update(
        consumed_at=now
    )
    if not consumed:
        raise CodeExpired(_("This code has expired. Request a new one."))
    code.consumed_at = now
    unlock_phones([code.phone])


def _refuse_while_waiting(code: PhoneCode) -> None:
    try:
        refuse_check(code)
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
