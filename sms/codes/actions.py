"""One-time codes: sent to a phone, bound to a purpose and a browser, checked five times at most.

Every figure is a setting (security.md 1.2). A number that gets no SMS takes the same way with the same statements.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.encryption import derive_key
from core.locks import advisory_lock
from sms.codes.budgets import spend_code
from sms.codes.limits import STRANGERS_MAY, CodeLimited, refuse_beyond_limits, refuse_waiting, seconds_until
from sms.codes.proof_of_work import require_work
from sms.models import Message, PhoneAttemptCounter, PhoneCode
from sms.outbox.queue import EnterpriseLike, Promise, cancel_messages, queue_messages

__all__ = ["CodeExpired", "CodeLimited", "CodeRefused", "CodeSpent", "CodeWrong"]


class CodeRefused(Exception):
    """The code was not accepted. Its text says so to the person who typed it."""


class CodeWrong(CodeRefused):
    """Not the code that was sent, or no code at all."""


class CodeExpired(CodeRefused):
    """Its time is over, it was used, or there is none."""


class CodeSpent(CodeRefused):
    """Too many tries. `retry_after` is in seconds."""

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
    """Send a new code to the phone (E.164); the one before is dead at once. Raises CodeLimited.

    `browser` is the browser cookie's secret, `address` its address block. An unlisted number gets an SMS only where
    strangers may (`apply`); else a decoy takes its place, which no one can see and no one can match. `work`: the answer
    to the challenge of a ProofRequired, which is a CodeLimited.
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
        standing = _lock_standing(phone)
        advisory_lock(f"browser {code.browser}")
        refuse_beyond_limits(code, standing)
        if purpose in STRANGERS_MAY:
            require_work(code, work)
        spend_code(code, enterprise.pk if enterprise else None)
        _supersede_older(code)
        _send(code, standing, enterprise=enterprise, language=language)
    return code


def current_code(*, purpose: str, browser: str, subject: str = "") -> PhoneCode | None:
    """The code this browser asked for last, unless it is used or superseded. It may have expired."""
    asked = PhoneCode.objects.filter(browser=_browser_digest(browser), purpose=purpose, subject=subject)
    newest = asked.order_by("-created_at").first()
    return newest if newest and not newest.consumed_at and not newest.superseded_at else None


def check_code(text: str, *, purpose: str, browser: str, subject: str = "") -> PhoneCode:
    """Use up the code that `text` is; its phone is proven. Raises CodeWrong, CodeExpired or CodeSpent.

    Call it outside any transaction that may roll back: each try must stay counted. What is no code at all is not
    counted, and failures count only against an outstanding code, so that nobody can lock out another's number freely.
    """
    digits = _digits_of(text)
    code = current_code(purpose=purpose, browser=browser, subject=subject)
    if code is None or code.expires_at <= timezone.now():
        raise CodeExpired(_("This code has expired. Ask for a new one."))
    _refuse_while_waiting(code.phone)
    if not digits:
        raise CodeWrong(_("Enter the %(digits)s digits from the SMS.") % {"digits": settings.SMS_CODE_DIGITS})
    _count_check(code)
    if not hmac.compare_digest(code.digest, _digest(code.pk, digits)):
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


def _lock_standing(phone: str) -> PhoneAttemptCounter:
    PhoneAttemptCounter.objects.bulk_create([PhoneAttemptCounter(phone=phone)], ignore_conflicts=True)
    return PhoneAttemptCounter.objects.select_for_update().get(phone=phone)


def _supersede_older(code: PhoneCode) -> None:
    outstanding = PhoneCode.objects.filter(phone=code.phone, purpose=code.purpose, consumed_at=None, superseded_at=None)
    outstanding.update(superseded_at=code.created_at)
    cancel_messages(purpose="code", subject=_message_subject(code), reason=gettext_noop("A newer code took its place."))


def _send(code: PhoneCode, standing: PhoneAttemptCounter, *, enterprise: EnterpriseLike | None, language: str) -> None:
    digits = _new_digits()
    standing.serial = standing.serial % 99 + 1
    standing.save(update_fields=["serial"])
    code.serial = standing.serial
    code.digest = _digest(code.pk, secrets.token_hex() if code.is_decoy else digits)
    code.save(force_insert=True)
    promise = Promise(
        enterprise=enterprise,
        kind=Message.Kind.CODE,
        purpose="code",
        subject=_message_subject(code),
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
    queue_messages([promise])


def _message_subject(code: PhoneCode) -> str:
    return f"{code.purpose}:{code.phone}"


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
        raise CodeSpent(_("Too many tries. Ask for a new code."), seconds_until(resend_at))
    raise CodeExpired(_("This code has expired. Ask for a new one."))


def _count_failure(phone: str) -> None:
    """In one statement: the count, and the wait that begins where a threshold is reached."""
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
        raise CodeExpired(_("This code has expired. Ask for a new one."))
    code.consumed_at = now
    unlock_phones([code.phone])


def _refuse_while_waiting(phone: str) -> None:
    standing = PhoneAttemptCounter.objects.filter(phone=phone).first()
    if standing:
        try:
            refuse_waiting(standing)
        except CodeLimited as limited:
            raise CodeSpent(str(limited), limited.retry_after) from None


def _wrong_text(code: PhoneCode) -> str:
    left = settings.SMS_CODE_CHECKS - code.attempts - 1
    if left < 1:
        return _("The code is wrong. Ask for a new one.")
    return ngettext(
        "The code is wrong. You can try %(left)s more time.",
        "The code is wrong. You can try %(left)s more times.",
        left,
    ) % {"left": left}


def _new_digits() -> str:
    return f"{secrets.randbelow(10**settings.SMS_CODE_DIGITS):0{settings.SMS_CODE_DIGITS}}"


def _digits_of(text: str) -> str:
    """The digits of a typed or pasted code (`１２３ 456`, `G-123456`), or the empty text if it is none."""
    folded = unicodedata.normalize("NFKC", text[:64])
    plain = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in folded if _is_seen(sign))
    found = re.fullmatch(rf"(?:[A-Za-z]{{1,3}})?(\d{{{settings.SMS_CODE_DIGITS}}})", plain, re.ASCII)
    return found[1] if found else ""


def _is_seen(sign: str) -> bool:
    return not sign.isspace() and unicodedata.category(sign) not in {"Cf", "Pd"}


def _digest(challenge: uuid.UUID, digits: str) -> str:
    key = derive_key(settings.SECRET_KEY, "code")
    return hmac.new(key, challenge.bytes + digits.encode(), hashlib.sha256).hexdigest()


def _browser_digest(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()
