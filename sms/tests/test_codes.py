"""One-time codes at every boundary (security.md 1.2, O1 to O14)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sms.codes import (
    CodeExpired,
    check_code,
    send_code,
)
from sms.models import Message, PhoneCode
from sms.seal import unseal

PHONE = "+8613800138000"
BROWSER = "a browser's secret"


def ask(phone: str = PHONE, purpose: str = "login", browser: str = BROWSER, **more) -> PhoneCode:
    return send_code(phone=phone, purpose=purpose, browser=browser, language="en", **more)


def digits_of(code: PhoneCode) -> str:
    """As the phone would show them."""
    message = Message.objects.get(subject=f"{code.purpose}:{code.phone}", logical_no=newest_no(code))
    return unseal(message.sealed)["code"]


def newest_no(code: PhoneCode) -> int:
    return Message.objects.filter(subject=f"{code.purpose}:{code.phone}").order_by("-logical_no")[0].logical_no


def other_than(digits: str) -> str:
    return f"{(int(digits) + 1) % 10**6:06}"


def age(code: PhoneCode, seconds: float) -> None:
    """As if this code had been asked for so many seconds earlier."""
    PhoneCode.objects.filter(pk=code.pk).update(
        created_at=code.created_at - timedelta(seconds=seconds), expires_at=code.expires_at - timedelta(seconds=seconds)
    )


@pytest.mark.django_db
def test_right_code_proves_the_phone_once():
    digits = digits_of(ask())
    assert check_code(digits, purpose="login", browser=BROWSER).phone == PHONE
    with pytest.raises(CodeExpired):
        check_code(digits, purpose="login", browser=BROWSER)
