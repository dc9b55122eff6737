"""Administrators are appointed, sign in, lose their role, and appear in the audit log."""

import io

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import press_main_button
from exmail_admin.tests.e2e.test_pages import look_at

SIZES = {"desk": DESK, "phone": PHONE}
WORDS = {
    "zh-CN": {"appointed": "添加管理员", "admin": "管理员", "auditor": "审计员", "whole": "完整"},
    "en-US": {
        "appointed": "Added an administrator",
        "admin": "Administrator",
        "auditor": "Auditor",
        "whole": "Intact up to",
    },
}


def appoint(page, login, role):
    page.goto("/console/administrators/new/")
    form = page.locator("form:has([name=login])")
    for name, value in {"name": f"管理 {login}", "login": login, "password": "a long enough secret"}.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator(f"[name=role][value={role}]").check()
    form.locator("button[type=submit]").click()
    page.wait_for_url("**/console/administrators/")


def sign_in(page, login):
    page.goto("/login/password/")
    page.fill("main input[name=login]", login)
    page.fill("main input[name=password]", "a long enough secret")
    page.locator("main form button").first.click()
    page.wait_for_url("**/console/")


@pytest.mark.parametrize(("size", "locale"), [("desk", "zh-CN"), ("phone", "en-US")])
def test_an_administrator_is_appointed_and_loses_permissions_at_once(open_page, sign_in_as_owner, size, locale):
    login = f"e2e-{size}"
    owner = sign_in_as_owner(open_page(SIZES[size], locale=locale))
    look_at(owner, f"{size}-overview")
    appoint(owner, login, "admin")
    row = owner.locator("main [data-id]", has_text=login)
    expect(row).to_contain_text(WORDS[locale]["admin"])
    look_at(owner, f"{size}-administrators")

    other = open_page(SIZES[size], locale=locale)
    sign_in(other, login)
    assert other.goto("/console/administrators/").status == 200
    expect(other.locator("main [data-id]").first.locator("a")).to_have_count(0)

    row.locator("button").click()
    row.locator("a[href$='/edit/']").click()
    expect(owner.locator(".role-departments")).to_be_hidden()
    owner.locator("[name=role][value=department_admin]").check()
    expect(owner.locator(".role-departments")).to_be_visible()
    press_main_button(owner)
    owner.wait_for_selector("[name=departments][aria-invalid=true]")
    look_at(owner, f"{size}-administrator-refused")
    owner.locator("[name=role][value=auditor]").check()
    press_main_button(owner)
    owner.wait_for_url("**/console/administrators/")
    expect(row).to_contain_text(WORDS[locale]["auditor"])
    other.goto("/console/administrators/")
    assert "/login/" in other.url
    sign_in(other, login)
    assert other.goto("/console/administrators/new/").status == 403

    row.locator("button").click()
    row.locator("a[href$='/remove/']").click()
    look_at(owner, f"{size}-administrator-remove")
    press_main_button(owner)
    owner.wait_for_url("**/console/administrators/")
    expect(row).to_have_count(0)
    other.goto("/console/")
    assert "/login/" in other.url


@pytest.mark.parametrize(("size", "locale"), [("desk", "zh-CN"), ("phone", "en-US")])
def test_the_log_is_searched_opened_verified_and_exported(open_page, sign_in_as_owner, size, locale):
    login, words = f"logged-{size}", WORDS[locale]
    owner = sign_in_as_owner(open_page(SIZES[size], locale=locale))
    appoint(owner, login, "auditor")
    owner.goto("/console/audit/")
    look_at(owner, f"{size}-audit")
    owner.fill("[name=q]", f"管理 {login}")
    owner.locator("[name=action]").select_option("administrator_appointed")
    owner.locator(".filters button:not(.search__button)").first.click()
    events = owner.locator("main [data-id]")
    expect(events).to_have_count(1)
    expect(events).to_contain_text(words["appointed"])
    events.locator("summary").click()
    expect(events.locator("ins")).to_have_text(words["auditor"])
    look_at(owner, f"{size}-audit-open")
    with owner.expect_download() as download:
        owner.locator("form[action*='export.xlsx'] button").click()
    sheet = load_workbook(io.BytesIO(download.value.path().read_bytes())).active
    assert [row[7].value for row in sheet.iter_rows(min_row=2)] == [f"管理 {login}"]

    owner.locator("form[action$='/check/'] button").click()
    chain = owner.locator("#audit-chain")
    expect(chain).to_have_attribute("data-state", "whole", timeout=60_000)
    expect(chain).to_contain_text(words["whole"])
    look_at(owner, f"{size}-audit-verified")


def test_an_event_opens_without_script_too(console, new_context, sign_in_as_owner):
    context = new_context(base_url=console.url, viewport=PHONE, locale="en-US", java_script_enabled=False)
    owner = sign_in_as_owner(context.new_page())
    owner.goto("/console/audit/")
    event = owner.locator("main [data-id]").first
    event.locator("summary").click()
    event.locator(".event__body a").click()
    owner.wait_for_url("**/console/audit/*/")
    expect(owner.locator("main")).to_contain_text("Chrome")
