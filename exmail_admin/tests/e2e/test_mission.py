"""The mission on real parts: create a member, invite by SMS, join on a phone, sign in to the mailbox."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE

pytestmark = pytest.mark.smoke
PEOPLE = {"zh-CN": ("孙丽", "sunli", "13911112201"), "en-US": ("Grace Sun", "grace.sun", "13911112202")}


def create_member(page: Page, name: str, prefix: str, phone: str, *, invite: bool = True) -> None:
    page.goto("/console/members/new/")
    page.fill("[name=name]", name)
    page.fill("[name=prefix]", prefix)
    page.fill("[name=phone]", phone)
    page.set_checked("[name=send_invitation]", invite)
    press_main_button(page)
    page.wait_for_url(re.compile(r"/console/members/\d+/$"))


def press_main_button(page: Page) -> None:
    """Press the first button of the first form, the page's main action."""
    page.locator("main form button").first.click()


def link_in(message: dict[str, str]) -> str:
    return re.search(r"https?://\S+/i/\S+/(?=\s|$)", message["text"])[0]


def code_in(message: dict[str, str]) -> str:
    (code,) = re.findall(r"(?<!\d)\d{6}(?!\d)", message["text"])
    return code


def enter_code(page: Page, message: dict[str, str]) -> None:
    page.fill("[name=code]", code_in(message))
    press_main_button(page)


@pytest.mark.parametrize("locale", PEOPLE)
def test_a_member_is_created_invited_joins_and_signs_in(console, open_page, sign_in_as_owner, locale):
    name, prefix, number = PEOPLE[locale]
    to = f"+86{number}"
    desk = sign_in_as_owner(open_page(DESK, locale=locale))
    create_member(desk, name, prefix, number)
    expect(desk.locator("main")).to_have_attribute("data-state", "pending")

    phone = open_page(PHONE, locale=locale)
    phone.goto(link_in(console.next_message(to)))
    expect(phone).to_have_url(f"{console.url}/i/")
    expect(phone.locator("main")).to_contain_text(f"{number[:3]}****{number[-4:]}")
    press_main_button(phone)
    enter_code(phone, console.next_message(to, after=1))
    phone.wait_for_url("**/mailbox/")
    expect(phone.locator("main")).to_contain_text(f"{prefix}@demo.example")

    desk.reload()
    expect(desk.locator("main")).to_have_attribute("data-state", "active")

    console.let_a_minute_pass()
    later = open_page(PHONE, locale=locale)
    later.goto("/login/")
    later.fill("[name=phone]", number)
    press_main_button(later)
    later.wait_for_url("**/login/code/")
    enter_code(later, console.next_message(to, after=2))
    later.wait_for_url("**/mailbox/")


def test_the_whole_way_works_without_script(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK, java_script_enabled=False))
    create_member(desk, "周一", "zhouyi", "13911112203")
    phone = open_page(PHONE, java_script_enabled=False)
    phone.goto(link_in(console.next_message("+8613911112203")))
    press_main_button(phone)
    enter_code(phone, console.next_message("+8613911112203", after=1))
    phone.wait_for_url("**/mailbox/")


def test_a_killed_worker_and_an_emptied_redis_lose_no_message(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    workers = [pid for pid, command in console.processes().items() if "celery" in command and "beat" not in command]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    console.redis().flushall()
    create_member(desk, "周二", "zhouer", "13911112204")
    console.redis().flushall()
    console.next_message("+8613911112204", seconds=60)
    assert len(console.messages("+8613911112204")) == 1


def test_a_disabled_member_is_signed_out_at_once(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    create_member(desk, "周三", "zhousan", "13911112205")
    phone = open_page(PHONE)
    phone.goto(link_in(console.next_message("+8613911112205")))
    press_main_button(phone)
    enter_code(phone, console.next_message("+8613911112205", after=1))
    phone.wait_for_url("**/mailbox/")

    desk.locator("[popovertarget*=disable]").first.click()
    desk.locator("form[action$='/disable/'] button[type=submit]:visible").first.click()
    expect(desk.locator("main")).to_have_attribute("data-state", "disabled")
    phone.reload()
    expect(phone).not_to_have_url(re.compile("/mailbox/$"))
