"""Applying from a block with many open for codes: the browser solves the proof of work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_join_link import scan, set_joining
from exmail_admin.tests.e2e.test_mission import code_in, press_main_button
from exmail_admin.tests.e2e.test_pages import look_at

pytestmark = pytest.mark.sqlite_only
NUMBER = "13911117901"
FROM_THERE = {"extra_http_headers": {"X-Forwarded-For": "192.0.2.77"}}  # no other test applies from this address


def ask_for_codes(page: Page, link: str, numbers: list[str]) -> None:
    """Return a client that submits forms and runs no script."""
    page.goto(link)
    token = page.locator("main [name=csrfmiddlewaretoken]").first.get_attribute("value")
    for number in numbers:
        form_data = {"csrfmiddlewaretoken": token, "phone": number, "notice": "0"}
        answer = page.request.post("/j/send/", form=form_data, max_redirects=0)
        assert answer.status == 303, answer.text()


def test_a_browser_solves_the_proof_of_work_and_without_script_the_limit_is_one(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    set_joining(desk, approval=True)
    link = scan(desk)
    for first in range(0, 20, 5):
        ask_for_codes(open_page(PHONE, **FROM_THERE), link, [f"138{n:04}{n:04}" for n in range(first, first + 5)])

    plain = open_page(PHONE, locale="en-US", java_script_enabled=False, **FROM_THERE)
    plain.goto(link)
    plain.fill("[name=phone]", NUMBER)
    press_main_button(plain)
    expect(plain.locator("main")).to_contain_text("Try again later")
    expect(plain.locator("main [name=phone]")).to_have_value(NUMBER)

    unable = open_page(PHONE, **FROM_THERE)
    unable.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })")
    unable.goto(link)
    unable.fill("[name=phone]", NUMBER)
    press_main_button(unable)
    expect(unable.locator("[data-work-refused]")).to_be_visible()
    expect(unable.locator("[data-work-running]")).to_be_hidden()
    expect(unable.locator("main [name=phone]")).to_have_value(NUMBER)
    look_at(unable, "phone-zh-light-work-refused")

    phone = open_page(PHONE, **FROM_THERE)
    phone.goto(link)
    phone.fill("[name=phone]", NUMBER)
    press_main_button(phone)
    phone.wait_for_selector("main [name=code]")
    assert phone.url.endswith("/j/")
    phone.fill("[name=code]", code_in(console.next_message(f"+86{NUMBER}")))
    press_main_button(phone)
    expect(phone.locator("main [name=prefix]")).to_be_visible()
