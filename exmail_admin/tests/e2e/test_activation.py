"""Joining without a phone: a code from the console is entered on another device."""

import pytest
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import press_main_button
from exmail_admin.tests.e2e.test_pages import WALKS, look_at
from exmail_admin.tests.e2e.test_second_factor import virtual_device

PASSWORD = "纸船-river-42"


def issue_code(desk: Page, prefix: str) -> str:
    """Create a member who is activated by code, and return the code shown."""
    desk.goto("/console/members/new/")
    desk.fill("[name=name]", "周师傅")
    desk.fill("[name=prefix]", prefix)
    desk.select_option("[name=activation]", "code")
    press_main_button(desk)
    return desk.input_value("main .issued-code .copy__value")


@pytest.mark.parametrize("look", WALKS)
def test_a_member_without_a_phone_joins_with_a_code_and_signs_in_with_a_password(open_page, sign_in_as_owner, look):
    viewport, locale, scheme = WALKS[look]
    prefix = f"zhou.{look}"
    desk = sign_in_as_owner(open_page(DESK if viewport == DESK else PHONE, locale=locale, color_scheme=scheme))
    code = issue_code(desk, prefix)
    look_at(desk, f"{look}-code-issued")
    desk.reload()
    expect(desk.locator("main")).not_to_contain_text(code)

    page = open_page(viewport, locale=locale, color_scheme=scheme)
    page.goto("/i/")
    page.fill("[name=account]", prefix)
    page.fill("[name=code]", "AAAA-AAAA-AAAA")
    press_main_button(page)
    page.wait_for_selector("[name=code][aria-invalid=true]")
    look_at(page, f"{look}-code-wrong")
    page.fill("[name=code]", code.lower())
    press_main_button(page)
    page.wait_for_url("**/i/password/")
    page.fill("[name=password]", "short")
    page.fill("[name=confirm]", "other")
    press_main_button(page)
    page.wait_for_selector("[name=password][aria-invalid=true]")
    look_at(page, f"{look}-code-password")
    for field in ("password", "confirm"):
        page.fill(f"[name={field}]", PASSWORD)
    press_main_button(page)
    page.wait_for_url("**/mailbox/")
    look_at(page, f"{look}-code-mailbox")

    other = open_page(viewport, locale=locale, color_scheme=scheme)
    other.goto("/login/password/")
    other.fill("main [name=login]", f"{prefix}@demo.example")
    other.fill("main [name=password]", PASSWORD)
    press_main_button(other)
    other.wait_for_url("**/mailbox/")
    desk.reload()
    expect(desk.locator("main")).to_have_attribute("data-state", "active")
    look_at(desk, f"{look}-code-used")


@pytest.mark.parametrize("look", WALKS)
def test_a_member_without_a_phone_joins_with_a_passkey_and_signs_in_with_it_alone(
    console, open_page, sign_in_as_owner, look
):
    viewport, locale, scheme = WALKS[look]
    prefix = f"wu.{look}"
    code = issue_code(sign_in_as_owner(open_page(DESK)), prefix)
    page = open_page(viewport, locale=locale, color_scheme=scheme)
    base = f"http://localhost:{console.port}"
    virtual_device(page)
    page.goto(f"{base}/i/")
    page.fill("[name=account]", prefix)
    page.fill("[name=code]", code)
    press_main_button(page)
    page.wait_for_url("**/i/password/")
    look_at(page, f"{look}-code-passkey")
    page.click("form[data-passkey=create] button")
    page.wait_for_url("**/mailbox/")
    expect(page.locator("main")).to_contain_text(f"{prefix}@demo.example")
    page.context.clear_cookies()
    page.goto(f"{base}/login/password/")
    page.click("form[data-passkey=get] button")
    page.wait_for_url("**/mailbox/")
