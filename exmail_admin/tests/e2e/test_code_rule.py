"""The rule that members sign in by QR code: a new browser must scan, and a lost phone is recovered by a link."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import code_in, create_member, enter_code, link_in, press_main_button
from exmail_admin.tests.e2e.test_pages import look_at

PEOPLE = {"zh-CN": ("罗安", "luoan", "13911117701"), "en-US": ("Ann Law", "ann.law", "13911117702")}


@pytest.fixture
def owner(open_page, sign_in_as_owner):
    """Return the owner's page, and allow codes again afterwards."""
    desk = sign_in_as_owner(open_page(DESK))
    set_rule(desk, "abroad")
    yield desk
    set_rule(desk, "everyone")


def set_rule(desk: Page, rule: str) -> None:
    desk.goto("/console/settings/")
    desk.check(f"[name=code_rule][value={rule}]")
    press_main_button(desk)
    desk.wait_for_url("**/console/settings/")
    expect(desk.locator(f"[name=code_rule][value={rule}]")).to_be_checked()


@pytest.mark.parametrize("locale", PEOPLE)
def test_a_lost_phone_is_recovered(console, open_page, owner, locale):
    name, prefix, number = PEOPLE[locale]
    to = f"+86{number}"
    create_member(owner, name, prefix, number)
    phone = open_page(PHONE, locale=locale)
    phone.goto(link_in(console.next_message(to)))
    press_main_button(phone)
    enter_code(phone, console.next_message(to, after=1))
    phone.wait_for_url("**/mailbox/")

    console.let_a_minute_pass()
    desk = open_page(DESK, locale=locale, color_scheme="dark" if locale == "en-US" else "light")
    desk.goto("/login/")
    desk.fill("main [name=phone]", number)
    desk.locator("main form:has([name=phone]) button").first.click()
    desk.wait_for_url("**/login/code/")
    enter_code(desk, console.next_message(to, after=2))
    desk.wait_for_url("**/choose/")
    expect(desk.locator("main a[href='/login/']")).to_be_visible()
    look_at(desk, f"{locale}-choose-scan")
    beneath, above = (desk.locator(f".{part}").bounding_box() for part in ("choice__scan", "choice__text"))
    assert beneath["y"] >= above["y"] + above["height"]
    desk.goto("/mailbox/")
    expect(desk).to_have_url(f"{console.url}/choose/")

    console.let_a_minute_pass()
    desk.locator("form[action$='/recover/'] button").click()
    desk.wait_for_url("**/choose/")
    new_phone = open_page(PHONE, locale=locale, color_scheme="dark" if locale == "zh-CN" else "light")
    new_phone.goto(link_in(console.next_message(to, after=3)))
    look_at(new_phone, f"{locale}-way-back")
    press_main_button(new_phone)
    new_phone.fill("[name=code]", code_in(console.next_message(to, after=4)))
    press_main_button(new_phone)
    new_phone.wait_for_url("**/mailbox/")
    expect(new_phone.locator("main")).to_contain_text(f"{prefix}@demo.example")
    look_at(desk, f"{locale}-choose-link-sent")


def test_the_settings_explain_the_rule(owner):
    look_at(owner, "settings-rule-zh")
    owner.set_viewport_size(PHONE)
    look_at(owner, "settings-rule-zh-phone")
