"""Every page at both sizes, in both languages, light and dark: nothing too wide, no serious axe violation.

SCREENSHOTS=folder keeps the pictures there.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import code_in, link_in, press_main_button

pytestmark = pytest.mark.sqlite_only

LOOKS = {
    "desk-zh-light": (DESK, "zh-CN", "light"),
    "desk-en-dark": (DESK, "en-US", "dark"),
    "phone-zh-dark": (PHONE, "zh-CN", "dark"),
    "phone-en-light": (PHONE, "en-US", "light"),
}
# Tests that walk through many pages run twice, with every value of each of the three.
WALKS = {"desk-zh-light": (DESK, "zh-CN", "light"), "phone-en-dark": (PHONE, "en-US", "dark")}
PUBLIC = [
    "/login/",
    "/login/password/",
    "/demo/phone/",
    "/demo/components/",
    "/no/such/page/",
    "/i/",
    "/j/",
    "/j/unknown/",
]
CONSOLE = [
    "/console/",
    "/console/members/",
    "/console/members/?q=zzzz",
    "/console/members/?status=pending",
    "/console/members/?status=deleted",
    "/console/members/bulk/",
    "/console/members/new/",
    "/console/departments/",
    "/console/departments/?q=zzzz",
    "/console/departments/new/",
    "/console/departments/3/edit/",
    "/console/departments/3/move/",
    "/console/departments/3/move/?department=2",
    "/console/joining/",
    "/console/joining/poster/",
    "/console/joining/links/",
    "/console/joining/links/new/",
    "/console/applications/",
    "/console/applications/?state=approved",
    "/console/applications/inviters/",
    "/console/invitations/",
    "/console/invitations/new/",
    "/console/invitations/quiet/",
    "/console/messages/",
    "/console/settings/",
    "/console/settings/domains/",
    "/console/settings/domains/new/",
    "/console/administrators/",
    "/console/administrators/new/",
    "/console/audit/",
    "/console/audit/?q=zzzz",
    "/console/audit/1/",
    "/choose/",
    "/mailbox/devices/",
]
NUMBERS = dict(zip(WALKS, ["13911112211", "13911112212"], strict=True))
# Rows of a list with the same structure are judged once, even and odd ones. "region" is slow and not a serious finding.
JUDGE = """() => {
  const seen = new Set();
  const exclude = [...document.querySelectorAll("main [data-id]")].filter((row, index) => {
    const state = (part) => [part.getAttribute("class"), part.getAttribute("data-state")];
    const shape = (part) => part.tagName + part.getAttributeNames() + state(part);
    const kind = (index % 2) + [row, ...row.querySelectorAll("*")].map(shape).join();
    return seen.size === seen.add(kind).size;
  });
  const options = { resultTypes: ["violations"], rules: { region: { enabled: false } } };
  return axe.run({ exclude }, options).then(({ violations }) => violations);
}"""


def look_at(page: Page, name: str) -> None:
    """Check the page once it has loaded and all animations have ended."""
    page.wait_for_load_state()
    page.emulate_media(reduced_motion="reduce")
    if directory := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"
    page.evaluate(AXE_SCRIPT)
    serious = [
        f"{name}: {finding['id']} {finding['nodes'][0]['target']}"
        for finding in page.evaluate(JUDGE)
        if finding["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def file_name(look: str, path: str) -> str:
    return f"{look}{path.strip('/').replace('/', '-').replace('?', '-').replace('=', '-') or 'home'}"


@pytest.fixture(params=LOOKS)
def look(request) -> str:
    return request.param


@pytest.fixture
def page_of_look(open_page, look) -> Page:
    viewport, locale, scheme = LOOKS[look]
    return open_page(viewport, locale=locale, color_scheme=scheme)


def test_public_pages(page_of_look, look):
    for path in PUBLIC:
        page_of_look.goto(path)
        look_at(page_of_look, file_name(f"{look}-", path))


def test_console_pages(page_of_look, look, sign_in_as_owner):
    page = sign_in_as_owner(page_of_look)
    for path in CONSOLE:
        page.goto(path)
        look_at(page, file_name(f"{look}-", path))
    page.goto("/console/members/?status=active")
    page.locator("main [data-id] a").first.click()
    look_at(page, f"{look}-member")
    page.goto(page.url + "edit/")
    look_at(page, f"{look}-member-edit")


def test_a_refused_form(page_of_look, look, sign_in_as_owner):
    page = sign_in_as_owner(page_of_look)
    page.goto("/console/members/new/")
    page.fill("[name=name]", "欧阳" * 20)
    page.fill("[name=prefix]", ".not ok.")
    page.fill("[name=phone]", "010-12345678")
    press_main_button(page)
    page.wait_for_selector("[name=phone][aria-invalid=true]")
    assert page.input_value("[name=prefix]") == ".not ok."
    look_at(page, f"{look}-refused")


@pytest.mark.parametrize("look", WALKS)
def test_member_pages(look, console, open_page, sign_in_as_owner):
    viewport, locale, scheme = WALKS[look]
    number = NUMBERS[look]
    desk = sign_in_as_owner(open_page(DESK))
    desk.goto("/console/members/new/")
    for name, value in {"name": "钱多多", "prefix": f"qian{number[-2:]}", "phone": number}.items():
        desk.fill(f"[name={name}]", value)
    press_main_button(desk)
    page = open_page(viewport, locale=locale, color_scheme=scheme)
    page.goto(link_in(console.next_message(f"+86{number}")))
    look_at(page, f"{look}-invitation")
    press_main_button(page)
    page.wait_for_selector("[name=code]")
    look_at(page, f"{look}-invitation-code")
    page.fill("[name=code]", "000000" if code_in(console.next_message(f"+86{number}", after=1)) != "000000" else "1")
    press_main_button(page)
    page.wait_for_selector("[name=code][aria-invalid=true]")
    look_at(page, f"{look}-invitation-wrong-code")
    page.fill("[name=code]", code_in(console.next_message(f"+86{number}", after=1)))
    press_main_button(page)
    page.wait_for_url("**/mailbox/")
    look_at(page, f"{look}-mailbox")
    page.goto(link_in(console.messages(f"+86{number}")[0]))
    look_at(page, f"{look}-invitation-used")
