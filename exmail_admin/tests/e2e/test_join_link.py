"""Joining by QR code: someone who is not in the directory applies, and an administrator decides."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import code_in, press_main_button

PEOPLE = {"zh-CN": ("何晓", "hexiao", "13911114401"), "en-US": ("Henry Ho", "henry.ho", "13911114402")}


def set_joining(desk: Page, *, approval: bool) -> None:
    desk.goto("/console/joining/")
    desk.set_checked("[name=enabled]", True)
    desk.set_checked("[name=approval_required]", approval)
    press_main_button(desk)
    expect(desk.locator("[name=enabled]")).to_be_checked()


def scan(desk: Page) -> str:
    """Decode the QR code on the screen."""
    desk.goto("/console/joining/")
    return scan_on(desk)


def scan_on(page: Page) -> str:
    """Return the link in the page's QR code."""
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
def test_an_applicant_scans_the_code_is_approved_and_signs_in(console, open_page, sign_in_as_owner, locale):
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
    console.let_a_minute_pass()
    phone.goto("/login/")
    phone.fill("[name=phone]", number)
    press_main_button(phone)
    phone.fill("[name=code]", code_in(console.next_message(f"+86{number}", after=2)))
    press_main_button(phone)
    phone.wait_for_url("**/mailbox/")
    expect(phone.locator("main")).to_contain_text(f"{prefix}@demo.example")


def test_without_approval_applicants_join_at_once_and_a_reset_link_is_revoked(console, open_page, sign_in_as_owner):
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


def test_no_later_request_carries_the_token(console, open_page, sign_in_as_owner):
    """J2: after the first request, neither a URL nor a Referer contains the token."""
    desk = sign_in_as_owner(open_page(DESK))
    set_joining(desk, approval=True)
    link, phone, requests = scan(desk), open_page(PHONE), []
    token = link.rstrip("/").rsplit("/", 1)[1]
    phone.on("request", lambda request: requests.append(request))
    phone.goto(link)
    apply_to_join(phone, console, "何三", "hesan", "13911114404")
    phone.wait_for_url("**/j/status/")
    with_token = [request for request in requests if token in request.url]
    assert [request.url for request in with_token] == [link]
    headers = [request.all_headers() for request in requests]
    assert len(headers) > 10
    assert any("referer" in each for each in headers)
    assert not any(token in value for each in headers for value in each.values())
    assert token not in phone.content()


def test_a_named_link_is_created_scanned_counted_and_revoked(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK, locale="zh-CN"))
    set_joining(desk, approval=True)
    desk.goto("/console/joining/links/new/")
    desk.fill("[name=name]", "春季招聘会")
    desk.fill("[name=uses_max]", "1")
    desk.select_option("[name=approval]", "no")
    press_main_button(desk)
    expect(desk.locator("main")).to_have_attribute("data-state", "active")
    link = scan_on(desk)
    phone = open_page(PHONE)
    phone.goto(link)
    apply_to_join(phone, console, "何四", "hesi", "13911114405")
    phone.wait_for_url("**/mailbox/")
    desk.reload()
    expect(desk.locator("main")).to_have_attribute("data-state", "full")
    expect(desk.locator("[data-name=uses]")).to_have_attribute("value", "1")
    late = open_page(PHONE)
    assert late.goto(link).status == 410
    expect(late.locator("main")).to_have_attribute("data-state", "full")
    desk.locator("[popovertarget=revoke]").first.click()
    desk.locator("form[action$='/revoke/'] button[type=submit]:visible").first.click()
    expect(desk.locator("main")).to_have_attribute("data-state", "revoked")
    late.reload()
    expect(late.locator("main")).to_have_attribute("data-state", "revoked")
