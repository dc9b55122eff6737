"""Codes asked for now, and codes asked for a while ago."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from core.encryption import decrypt
from sms.codes.actions import Asker, CodeLimited, send_code
from sms.codes.proof_of_work import ProofRequired
from sms.models import Door, Message, PhoneCode

PHONE = "+8613800138000"
BROWSER = "a browser's secret"
HERE = "203.0.113.7"
numbers = count()


def ask(
    phone: str = PHONE,
    *,
    purpose: str = "login",
    browser: str = BROWSER,
    door: Door = Door.ANONYMOUS,
    address: str = HERE,
    work: str = "",
    **more: Any,
) -> PhoneCode:
    asker = Asker(door, browser=browser, address=address, work=work)
    return send_code(phone=phone, purpose=purpose, asker=asker, language="en", **more)


def outcome(*args: Any, **more: Any) -> str:
    """Return "sent", "work" or "limited"."""
    try:
        ask(*args, **more)
    except ProofRequired:
        return "work"
    except CodeLimited:
        return "limited"
    return "sent"


def wait_for(*args: Any, **more: Any) -> int:
    """Return the Retry-After of a refusal, or 0."""
    try:
        ask(*args, **more)
    except CodeLimited as limited:
        return limited.retry_after
    return 0


def store(*ages: float, entered: bool = False, **fields: Any) -> None:
    """Store codes that were asked for so many seconds ago, each to another number in another browser."""
    now, codes = timezone.now(), []
    for age in ages:
        number, at = next(numbers), now - timedelta(seconds=age)
        defaults = {
            "phone": f"+86139{number % 10**4:04}{number // 10**4:04}",
            "purpose": "login",
            "browser": f"browser {number}",
            "door": Door.ANONYMOUS,
            "address_block": HERE,
            "created_at": at,
            "expires_at": at + timedelta(seconds=300),
            "consumed_at": at if entered else None,
        }
        codes.append(PhoneCode(digest="d", serial=1, **(defaults | fields)))
    PhoneCode.objects.bulk_create(codes)


def age(code: PhoneCode, seconds: float) -> None:
    """Move the code's times back by `seconds`."""
    PhoneCode.objects.filter(pk=code.pk).update(
        created_at=code.created_at - timedelta(seconds=seconds), expires_at=code.expires_at - timedelta(seconds=seconds)
    )


def digits_of(code: PhoneCode) -> str:
    """Return the digits in the SMS."""
    sent = Message.objects.filter(to=code.phone, kind="code", is_proven=code.door == Door.PROVEN)
    return decrypt(sent.latest("pk").encrypted)["code"]


def other_than(digits: str) -> str:
    return f"{(int(digits) + 1) % 10**6:06}"


def shape_of(sql: str) -> str:
    """Return the statement without its values."""
    return re.sub(r"'[^']*'|\b[0-9a-f]{32}\b| ?-?\b\d+\b|\bNULL\b|\btrue\b|\bfalse\b|s\d+_x\d+", "?", sql)
