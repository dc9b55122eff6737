"""The way of someone who is not in the directory: the QR code on the wall, the application, the decision."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from exmail_admin.tests.stories.conftest import DESK, PHONE
from exmail_admin.tests.stories.test_mission import code_in, press_main_button

PEOPLE = {"zh-CN": ("何晓", "hexiao", "13911114401"), "en-US": ("Henry Ho", "henry.ho", "13911114402")}


def set_joining(desk: Page, *, approval: bool) -> None:
    desk.goto("/console/joining/")
    desk.set_checked("[name=enabled]", True)
    desk.set_checked("[name=approval_required]", approval)
    press_main_button(desk)
    expect(desk.locator("[name=enabled]")).to_be_checked()


def scan(desk: Page) -> str:
    """What a camera reads from the screen."""
    desk.goto("/console/joining/")
    return scan_on(desk)


def scan_on(page: Page) -> str:
    """The link behind the QR code that the page shows."""
    picture = page.locator("main img[src*='qr.svg']").screenshot()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    return code.text


def apply_to_join(phone: Page, console, name: str, prefix: str, number: str) -> None:
    phone.fill("[name=phone]", number)
    press_main_button(phone)
    phone.fill("[name=code]", code_in(console.next_message(f"+86{number}")))
    press_main_button(phone)
    phone.fill("[name=name]", name)
    phone.fill("[name=prefix]", prefix)
    press_main_button(phone)


@pytest.mark.parametrize("locale", PEOPLE)
def test_who_scans_the_code_applies_is_approved_and_signs_in(console, open_page, sign_in_as_owner, locale):
    name, prefix, number = PEOPLE[locale]
    desk = sign_in_as_owner(open_page(DESK, locale=locale))
    set_joining(desk, approval=True)
    link = scan(desk)
    assert link.startswith(f"{console.url}/j/")
    assert link in desk.locator("main").inner_text()

    phone = open_page(PHONE, locale=locale)
    phone.goto(link)
    apply_to_join(phone, console, name, prefix, number)
    phone.wait_for_url("**/j/status/")
    expect(phone.locator("main")).to_have_attribute("data-state", "pending")

    desk.goto("/console/applications/")
    desk.locator("main [data-id]", has_text=f"{prefix}@demo.example").locator("a").first.click()
    press_main_button(desk)
    expect(desk.locator("main")).to_have_attribute("data-state", "approved")

    decision = console.next_message(f"+86{number}", after=1)
    assert decision["kind"] == "decision"
    phone.goto(re.search(r"https?://\S+/a/\S+/(?=\s|$)", decision["text"])[0])
    expect(phone.locator("main")).to_have_attribute("data-state", "approved")
    phone.goto("/login/")
    phone.fill("[name=phone]", number)
    press_main_button(phone)
    phone.fill("[name=code]", code_in(console.next_message(f"+86{number}", after=2)))
    press_main_button(phone)
    phone.wait_for_url("**/mailbox/")
    expect(phone.locator("main")).to_contain_text(f"{prefix}@demo.example")


def test_without_approval_they_are_in_at_once_and_a_reset_link_is_dead(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    set_joining(desk, approval=False)
    link = scan(desk)
    phone = open_page(PHONE)
    phone.goto(link)
    apply_to_join(phone, console, "何二", "heer", "13911114403")
    phone.wait_for_url("**/mailbox/")

    desk.locator("[popovertarget=reset]").first.click()
    desk.locator("form[action$='/reset/'] button[type=submit]:visible").first.click()
    expect(desk.locator("main")).not_to_contain_text(link)
    assert open_page(PHONE).goto(link).status == 410
