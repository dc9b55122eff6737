"""Codes as people type and paste them."""

import pytest

from sms.codes.actions import CodeWrong, check_code
from sms.outbox.texts import render_text
from sms.tests.codes.asking import BROWSER, ask

pytestmark = pytest.mark.django_db

PASTED = [
    "验证码：086158",
    "验证码:０８６１５８。",
    "【演示公司】第07号验证码，用于登录：086158。5 分钟内有效，请勿告知他人。",
    "[Demo] Code No. 07 to sign in: 086158. Valid for 5 minutes. Never share it with anyone.",
    "086158 is your code.\n\n@mail.example.com #086158",
    "您的验证码\u200b086158，如非本人操作请致电 13800138000",
    "code=086158",
    "Code086158",
]
REFUSED = [
    "086158 或 086159",
    "验证码：0861581",
    "验证码：08615",
    "13800138000",
    "138-0013-8000",
    "验证码：086158086158",
    "0861 58086158",
    "验证码：",
    "尾号 8000，2026-11-30",
    "验证码" * 1000 + "086158",
]


@pytest.fixture
def code(monkeypatch):
    monkeypatch.setattr("sms.codes.actions.secrets.randbelow", lambda _limit: 86158)
    return ask()


@pytest.mark.parametrize("text", PASTED)
def test_the_only_six_digits_of_a_message_are_the_code(code, text):
    assert check_code(text, purpose="login", browser=BROWSER) == code


@pytest.mark.parametrize("text", REFUSED)
def test_a_text_without_exactly_one_code_is_refused_and_not_counted(code, text):
    with pytest.raises(CodeWrong):
        check_code(text, purpose="login", browser=BROWSER)
    code.refresh_from_db()
    assert code.attempts == 0


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_our_own_message_can_be_pasted_whole(code, language):
    params = {"enterprise": "演示公司", "serial": "07", "purpose": "login", "minutes": "5", "code": "086158"}
    assert check_code(render_text("code", params, language), purpose="login", browser=BROWSER) == code
