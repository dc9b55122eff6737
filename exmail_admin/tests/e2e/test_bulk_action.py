"""A bulk action beyond what one request handles: deletion by a worker with progress, and restoration."""

import re

from playwright.sync_api import expect

from directory.tests.imports.workbooks import XLSX, person, xlsx
from exmail_admin.tests.e2e.conftest import DESK
from exmail_admin.tests.e2e.test_mission import press_main_button
from exmail_admin.tests.e2e.test_pages import look_at

MANY = 230


def expect_count(page, name, value):
    expect(page.locator(f"data.count[data-name={name}]")).to_have_attribute("value", str(value), timeout=60_000)


def test_all_matching_members_are_deleted_and_restored(console, open_page, sign_in_as_owner):
    desk = sign_in_as_owner(open_page(DESK))
    desk.goto("/console/imports/")
    content = xlsx(*(person(number) for number in range(5000, 5000 + MANY)))
    desk.set_input_files("main input[type=file]", {"name": "大批.xlsx", "mimeType": XLSX, "buffer": content})
    desk.locator("main form button").first.click()
    desk.wait_for_selector("main[data-state=ready]", timeout=60_000)
    imported = desk.url.split("/")[-2]
    desk.locator("form[action$='/apply/'] button").click()
    desk.wait_for_selector("main[data-state=done]", timeout=60_000)

    url = f"/console/members/?import={imported}"
    desk.goto(url)
    desk.locator(".card__foot button[formaction$='/members/delete/']").click()
    expect(desk.locator("h1")).to_contain_text(str(MANY))
    look_at(desk, "delete-many-members")
    press_main_button(desk)
    desk.wait_for_url(re.compile(r"/members/bulk/\d+/$"))
    action = desk.url
    desk.goto("/console/")
    desk.goto(action)
    desk.wait_for_selector("main[data-state=done]", timeout=60_000)
    expect_count(desk, "done", MANY)
    look_at(desk, "bulk-action")
    desk.goto(url)
    expect(desk.locator("main [data-id]")).to_have_count(0)

    desk.goto(f"{url}&status=deleted")
    desk.locator(".card__foot form button").first.click()
    desk.wait_for_url(re.compile(r"/members/bulk/\d+/$"))
    expect_count(desk, "done", MANY)
    desk.goto(url)
    expect(desk.locator("main [data-id]")).to_have_count(50)
    desk.locator(".page-head a[href$='/bulk/']").click()
    expect(desk.locator("main tr[data-id]")).to_have_count(2)
    look_at(desk, "bulk-actions")
