"""The texts of messages, with names that imitate other parts."""

from __future__ import annotations

import re

import pytest

from sms.models import Message
from sms.outbox.texts import PURPOSES, TEMPLATES, plain_name, render_text

INVITATION = {"enterprise": "示例科技", "name": "王芳", "days": "7", "link": "http://127.0.0.1:8000/i/abc/"}
CODE = {"enterprise": "", "purpose": "login", "minutes": "5", "serial": "07", "code": "012345"}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("template", [name for name, text in TEMPLATES.items() if "%(link)s" in str(text)])
def test_text_ends_with_the_link(language, template):
    assert render_text(template, INVITATION, language).endswith(" http://127.0.0.1:8000/i/abc/")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_code_is_the_only_number_of_six_digits(language, purpose):
    text = render_text("code", {**CODE, "purpose": purpose}, language)
    assert re.findall(r"\b\d{6}\b", text) == ["012345"]
    assert re.findall(r"(?<!\d)\d{6}(?!\d)", text) == ["012345"]
    assert {"07", "5"} <= set(re.findall(r"\d+", text))
    assert "://" not in text


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("示例科技（深圳）", "示例科技（深圳）"),
        ("O'Neill & 张三", "O'Neill & 张三"),
        ("王芳🙂", "王芳🙂"),
        ("【银行】客服", "银行客服"),
        ("[Bank] help", "Bank help"),
        ("one\r\ntwo\u2028three", "one two three"),
        ("Win at https://evil.example/x now", "Win at now"),
        ("www.evil.example", ""),
        ("evil.example", "evil·example"),
        ("Booking.com Ltd.", "Booking·com Ltd."),
        ("code 123456", "code 123 456"),
        ("１２３４５６", "１２３ ４５６"),
        ("1234567", "1234567"),
        ("\u202egnp\u200b", "gnp"),
        ("nul\x00l", "null"),
        ("100%s %(link)s", "100%s %(link)s"),
        ("", ""),
    ],
)
def test_name_can_not_pose_as_signature_link_line_or_code(name, plain):
    assert plain_name(name) == plain


def test_name_can_not_pose_as_a_link_with_another_dot():
    """A17: some phones link these as they link evil.com; IDNA and NFKC read each as a dot."""
    for dot in "。．｡․﹒︒":
        for name in (
            f"evil{dot}com",
            f"点击evil{dot}com/x",
            f"ｅｖｉｌ{dot}ｃｏｍ",
            f"例子{dot}中国",
            f"10{dot}0{dot}0{dot}1",
        ):
            assert not re.search(r"\w[.。．｡․﹒︒]", plain_name(name)), name
    assert plain_name("evil。com/x") == "evil·com/x"
    # No link: the dot ends a sentence or an abbreviation.
    assert [plain_name(name) for name in ("张三。", "Jean L.", "Co．, Ltd.")] == ["张三。", "Jean L.", "Co．, Ltd."]


def test_any_name_can_be_rendered():
    text = render_text("invitation", {**INVITATION, "name": "<script>" * 1000, "enterprise": "\x00"}, "en")
    assert text.endswith("/i/abc/")


@pytest.mark.django_db
def test_stored_text_keeps_a_name_that_looks_like_a_placeholder(queue):
    message = queue(params={"enterprise": "%(link)s", "name": "{link}", "days": "7"})
    assert "token" not in message.text
    assert Message.objects.get().params["name"] == "{link}"
