"""The template is filled in, checked, repaired and applied, and the members are invited."""

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import code_in, link_in, press_main_button

pytestmark = pytest.mark.smoke
ROWS = {
    "zh-CN": [
        {"姓名": "吴一", "邮箱前缀": "wuyi", "手机号": "13911113301"},
        {"姓名": "吴二", "邮箱前缀": "wuer", "手机号": "１３９ １１１１ ３３０２"},
        {"姓名": "吴三", "邮箱前缀": "wu san", "手机号": "13911113303"},
    ],
    "en-US": [
        {"Name": "Ann One", "Mailbox prefix": "ann.one", "Phone": "13911113311"},
        {"Name": "Ben Two", "Mailbox prefix": "ben.two", "Phone": "+86 139-1111-3312"},
        {"Name": "Cy Three", "Mailbox prefix": "cy three", "Phone": "13911113313"},
    ],
}


def fill_in(template, rows, path):
    """Return the template with these rows under its headings; the example row stays."""
    book = load_workbook(template)
    sheet = next(sheet for sheet in book if sheet.sheet_state == "visible" and heading_row(sheet, rows[0]))
    row_number = heading_row(sheet, rows[0])
    columns = {str(cell.value).rstrip("*"): cell.column for cell in sheet[row_number] if cell.value}
    for offset, row in enumerate(rows):
        for title, value in row.items():
            sheet.cell(row_number + 2 + offset, columns[title], value)
    book.save(path)
    return row_number + 2


def heading_row(sheet, row):
    title = next(iter(row))
    for cells in sheet.iter_rows(max_row=10):
        if any(str(cell.value).rstrip("*") == title for cell in cells):
            return cells[0].row
    return 0


@pytest.mark.parametrize("locale", ROWS)
def test_a_workbook_is_checked_repaired_applied_and_its_members_invited(
    console, open_page, sign_in_as_owner, tmp_path, locale
):
    rows = ROWS[locale]
    desk = sign_in_as_owner(open_page(DESK, locale=locale))
    desk.goto("/console/imports/")
    with desk.expect_download() as download:
        desk.locator("a[href='/console/imports/template/']").click()
    download.value.save_as(tmp_path / "template.xlsx")
    first = fill_in(tmp_path / "template.xlsx", rows, tmp_path / "members.xlsx")
    desk.set_input_files("[name=file]", tmp_path / "members.xlsx")
    desk.locator("main form[enctype] button").first.click()

    main = desk.locator("main")
    expect(main).to_have_attribute("data-state", "ready", timeout=60_000)
    bad = desk.locator("main [data-row]")
    expect(bad).to_have_attribute("data-row", str(first + 2))
    expect(bad).to_contain_text(list(rows[2].values())[1])
    bad.locator("summary").click()
    bad.locator("input[name=prefix]").fill(f"{list(rows[0].values())[1]}.3")
    bad.locator("button").first.click()
    expect(desk.locator("main [data-row]")).to_have_count(0)

    desk.locator("form[action$='/apply/'] button").click()
    expect(main).to_have_attribute("data-state", "done", timeout=60_000)
    expect(desk.locator("data.count[data-name=created]").first).to_have_attribute("value", "3")
    expect(desk.locator("data.count[data-name=refused]").first).to_have_attribute("value", "0")

    desk.locator("[popovertarget=invite]").first.click()
    desk.locator("form[action$='/invite/'] button[type=submit]:visible").first.click()
    expect(main).to_have_attribute("data-state", "done")
    number = "".join(sign for sign in list(rows[0].values())[2] if sign.isdigit())
    phone = open_page(PHONE, locale=locale)
    phone.goto(link_in(console.next_message(f"+86{number}", seconds=60)))
    press_main_button(phone)
    phone.fill("[name=code]", code_in(console.next_message(f"+86{number}", after=1)))
    press_main_button(phone)
    phone.wait_for_url("**/mailbox/")


def test_an_import_is_undone(console, open_page, sign_in_as_owner, tmp_path):
    (tmp_path / "two.csv").write_bytes(
        "姓名,邮箱前缀,手机号\r\n郑一,zhengyi,13911113321\r\n郑二,zhenger,13911113322\r\n".encode("gb18030")
    )
    desk = sign_in_as_owner(open_page(DESK))
    desk.goto("/console/imports/")
    desk.set_input_files("[name=file]", tmp_path / "two.csv")
    desk.locator("main form[enctype] button").first.click()
    expect(desk.locator("main")).to_have_attribute("data-state", "ready", timeout=60_000)
    desk.locator("form[action$='/apply/'] button").click()
    expect(desk.locator("main")).to_have_attribute("data-state", "done", timeout=60_000)
    desk.locator("[popovertarget=undo]").first.click()
    desk.locator("form[action$='/undo/'] button[type=submit]:visible").first.click()
    desk.goto("/console/members/?q=zhengyi")
    expect(desk.locator("main [data-id]")).to_have_count(0)
