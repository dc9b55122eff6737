"""The recycle bin shows by whom and when members were deleted, and restores them."""

import pytest
from playwright.sync_api import expect

from exmail_admin.tests.e2e.conftest import DESK
from exmail_admin.tests.e2e.test_mission import create_member, press_main_button
from exmail_admin.tests.e2e.test_pages import look_at


@pytest.mark.parametrize("with_script", [True, False])
def test_a_member_is_deleted_and_restored(console, open_page, sign_in_as_owner, with_script):
    mark = "yi" if with_script else "er"
    desk = sign_in_as_owner(open_page(DESK, java_script_enabled=with_script))
    create_member(desk, "误删", f"wushan{mark}", f"1391112250{int(with_script)}", invite=False)
    page = desk.url
    desk.locator("[popovertarget=delete]").first.click()
    expect(desk.locator("#delete")).to_contain_text("30 天")
    desk.locator("#delete button[type=submit]").click()
    expect(desk.locator("main")).to_have_attribute("data-state", "deleted")
    expect(desk.locator("main")).to_contain_text("还有 30 天")
    desk.goto("/console/members/?status=deleted&q=wushan" + mark)
    expect(desk.locator("main [data-id]")).to_have_count(1)
    if with_script:
        look_at(desk, "bin")
    desk.goto(page)
    if with_script:
        look_at(desk, "binned-member")
    press_main_button(desk)
    expect(desk.locator("main")).to_have_attribute("data-state", "pending")


def test_many_members_are_deleted_and_restored(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    for number in range(3):
        create_member(desk, f"批量{number}", f"piliang{number}", f"1391112251{number}", invite=False)
    desk.goto("/console/members/?q=piliang")
    desk.check("[data-select-all]")
    expect(desk.locator("[data-selection-count]")).to_have_text("3")
    desk.locator("[data-selection-bar] button[formaction$='/delete/']").click()
    expect(desk.locator("h1")).to_contain_text("3")
    look_at(desk, "delete-members")
    press_main_button(desk)
    desk.wait_for_url("**/console/members/?q=piliang")
    expect(desk.locator("main [data-id]")).to_have_count(0)
    desk.goto("/console/members/?q=piliang&status=deleted")
    desk.check("[data-select-all]")
    press = desk.locator("[data-selection-bar] button")
    press.click()
    expect(desk.locator("main [data-id]")).to_have_count(0)
    desk.goto("/console/members/?q=piliang")
    expect(desk.locator("main [data-id]")).to_have_count(3)
