"""Sign-in with WeChat: bound while joining, used to sign in, unbound."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import create_member, enter_code, press_main_button
from exmail_admin.tests.e2e.test_pages import WALKS, look_at
from exmail_admin.tests.fake_wechat import fake_wechat
from exmail_admin.tests.stack import Stack

pytestmark = pytest.mark.sqlite_only
NUMBER = "13911118801"


@pytest.fixture(scope="module")
def console(tmp_path_factory) -> Iterator[Stack]:
    """Start a console with WeChat configured, and a fake of WeChat's servers."""
    with fake_wechat() as address:
        wechat = {"WEIXIN_APP_ID": "wx0123456789abcdef", "WEIXIN_APP_SECRET": "secret", "WEIXIN_BASE_URL": address}
        stack = Stack(tmp_path_factory.mktemp("wechat") / "var", **wechat).start()
        yield stack
        stack.stop()
        assert stack.left_behind() == {}


def go_to_wechat(page: Page) -> None:
    page.goto("/login/")
    page.locator("form[action='/login/weixin/'] button").click()
    page.wait_for_url("**/connect/qrconnect?**")


def test_wechat_is_bound_while_joining_used_and_unbound(console, open_page, sign_in_as_owner):
    owner = sign_in_as_owner(open_page(DESK))
    create_member(owner, "罗微", "luowei", NUMBER, invite=False)

    desk = open_page(DESK)
    go_to_wechat(desk)
    desk.click("#allow")
    desk.wait_for_url("**/login/weixin/phone/")
    expect(desk.locator("main")).to_contain_text("小林")
    look_at(desk, "desk-zh-light-wechat-phone")
    desk.fill("main [name=phone]", NUMBER)
    press_main_button(desk)
    desk.wait_for_url("**/login/weixin/code/")
    desk.set_viewport_size(PHONE)
    look_at(desk, "phone-zh-light-wechat-code")
    enter_code(desk, console.next_message(f"+86{NUMBER}"))
    desk.wait_for_url("**/choose/")
    press_main_button(desk)
    desk.wait_for_url("**/mailbox/")
    expect(desk.locator("main")).to_contain_text("微信已绑定")

    other = open_page(DESK)
    go_to_wechat(other)
    other.click("#allow")
    other.wait_for_url("**/mailbox/")
    expect(other.locator("main")).to_contain_text("luowei@demo.example")
    other.goto("/mailbox/devices/")
    look_at(other, "desk-zh-light-devices-wechat")
    other.set_viewport_size(PHONE)
    other.locator("[popovertarget^=unbind]").first.click()
    look_at(other, "phone-zh-light-devices-unbind")
    other.locator("form[action$='/unbind/'] button[type=submit]:visible").click()
    expect(other.locator("main")).to_contain_text("已解除绑定")
    expect(other.locator("form[action$='/weixin/bind/']")).to_be_visible()
    look_at(other, "phone-zh-light-devices-unbound")

    other.locator("form[action$='/weixin/bind/'] button").click()
    other.click("#allow")
    other.wait_for_url("**/mailbox/devices/")
    expect(other.locator("[popovertarget^=unbind]").first).to_be_visible()


@pytest.mark.parametrize("look", WALKS)
def test_the_pages_around_wechat(console, open_page, look):
    viewport, locale, scheme = WALKS[look]
    page = open_page(viewport, locale=locale, color_scheme=scheme)
    page.goto("/login/")
    look_at(page, f"{look}-login-wechat")
    go_to_wechat(page)
    page.click("#decline")
    expect(page.locator("main")).to_have_attribute("data-state", "cancelled")
    look_at(page, f"{look}-wechat-cancelled")
    page.goto("/login/weixin/callback/?code=x&state=y")
    expect(page.locator("main")).to_have_attribute("data-state", "expired")
    look_at(page, f"{look}-wechat-expired")
    page.locator("form[action='/login/weixin/'] button").click()
    page.locator("#allow").evaluate("link => link.href = link.href.replace(/code=[^&]*/, 'code=wrong')")
    page.click("#allow")
    expect(page.locator("main")).to_have_attribute("data-state", "failed")
    look_at(page, f"{look}-wechat-failed")


def test_wechat_works_without_script(console, open_page):
    page = open_page(DESK, java_script_enabled=False)
    go_to_wechat(page)
    page.click("#allow")
    page.wait_for_url(re.compile(r"/(mailbox|login/weixin/phone)/"))
