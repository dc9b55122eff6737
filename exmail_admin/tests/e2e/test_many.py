"""An invitation batch to all pending members, and a colleague's own join link."""

import re

from playwright.sync_api import expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_join_link import apply_to_join, scan_on, set_joining
from exmail_admin.tests.e2e.test_mission import code_in, create_member, link_in, press_main_button


def test_a_batch_reaches_the_matching_members_and_shows_who_joined(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    create_member(desk, "罗一", "luoyi", "13911116601", invite=False)
    create_member(desk, "罗二", "luoer", "13911116602", invite=False)
    desk.goto("/console/invitations/new/?q=luo&status=pending")
    expect(desk.locator("data.count[data-name=messages]")).to_have_attribute("value", "2")
    desk.locator("#notice-selection tbody input").first.check()
    expect(desk.locator("#choose-some")).to_be_checked()
    expect(desk.locator("data.count[data-name=messages]")).to_have_attribute("value", "1")
    desk.locator("#notice-selection tbody input").first.uncheck()
    expect(desk.locator("#sending [role=alert]")).to_be_visible()
    desk.locator("#notice-selection tbody input").first.check()
    desk.locator("#choose-all").check()
    expect(desk.locator("#notice-selection tbody input").first).not_to_be_checked()
    expect(desk.locator("data.count[data-name=messages]")).to_have_attribute("value", "2")
    desk.locator("#notice-selection button[type=submit]").first.click()
    desk.wait_for_url(re.compile(r"/console/invitations/\d+/$"))
    expect(desk.locator("data.count[data-name=messages]")).to_have_attribute("value", "2", timeout=60_000)

    phone = open_page(PHONE)
    phone.goto(link_in(console.next_message("+8613911116602")))
    press_main_button(phone)
    phone.fill("[name=code]", code_in(console.next_message("+8613911116602", after=1)))
    press_main_button(phone)
    phone.wait_for_url("**/mailbox/")
    desk.reload()
    expect(desk.locator("data.count[data-name=joined]")).to_have_attribute("value", "1")


def test_a_colleague_invites_and_is_shown_as_inviter(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    set_joining(desk, approval=True)
    create_member(desk, "罗三", "luosan", "13911116603")
    member = open_page(PHONE)
    member.goto(link_in(console.next_message("+8613911116603")))
    press_main_button(member)
    member.fill("[name=code]", code_in(console.next_message("+8613911116603", after=1)))
    press_main_button(member)
    member.wait_for_url("**/mailbox/")
    member.locator("a[href='/mailbox/colleagues/']").click()
    link = scan_on(member)

    newcomer = open_page(PHONE)
    newcomer.goto(link)
    apply_to_join(newcomer, console, "罗四", "luosi", "13911116604")
    newcomer.wait_for_url("**/j/status/")
    desk.goto("/console/applications/?q=luosi")
    expect(desk.locator("main [data-id]")).to_contain_text("罗三")

    desk.goto("/console/joining/")
    desk.set_checked("[name=enabled]", False)
    press_main_button(desk)
    assert member.goto("/mailbox/colleagues/").status == 404
    assert newcomer.goto(link).status == 410
