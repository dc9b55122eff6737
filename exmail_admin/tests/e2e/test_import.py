"""A workbook is uploaded, previewed, repaired, applied by a worker, and undone."""

from directory.tests.imports.workbooks import XLSX, person, xlsx
from exmail_admin.tests.e2e.conftest import DESK


def counts(page):
    return {
        datum.get_attribute("data-name"): datum.get_attribute("value") for datum in page.locator("data.count").all()
    }


def test_a_workbook_goes_from_upload_to_undo(open_page, sign_in_as_owner):
    page = sign_in_as_owner(open_page(DESK))
    page.goto("/console/imports/")
    content = xlsx(person(71), person(72), person(73, phone="12345"))
    page.set_input_files("main input[type=file]", {"name": "新员工.xlsx", "mimeType": XLSX, "buffer": content})
    page.locator("main form button").first.click()
    page.wait_for_selector("main[data-state=ready]")
    assert counts(page) == {
        "read": "3", "created": "2", "updated": "0", "unchanged": "0", "refused": "1", "left_out": "0",
    }  # fmt: skip
    bad = page.locator("[data-row='4']")
    assert "12345" in bad.inner_text()
    bad.locator("summary").click()
    bad.locator("input[name=phone]").fill("13900000073")
    bad.locator("form button").first.click()
    page.locator("[data-row='4']").wait_for(state="detached")
    page.wait_for_selector("main[data-state=ready]")
    page.locator("form[action$='/apply/'] button").click()
    page.wait_for_selector("main[data-state=done]")
    assert counts(page)["created"] == "3"
    page.locator("button[popovertarget=undo]").first.click()
    page.locator("form[action$='/undo/'] button[type=submit]").click()
    page.locator("button[popovertarget=undo]").first.wait_for(state="detached")
    page.reload()
    assert page.locator("main").get_attribute("data-state") == "done"
    page.goto("/console/members/?q=成员71")
    assert "成员71" not in page.locator("#member-table").inner_text()
