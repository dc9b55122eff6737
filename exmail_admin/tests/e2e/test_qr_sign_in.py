"""Signing in by QR code: a phone's browser approves a desktop's; the code is decoded from the screen."""

from __future__ import annotations

import io
import re

import psycopg
import pytest
import zxingcpp
from django.conf import settings
from PIL import Image
from playwright.sync_api import Page, expect

from accounts.tests.qr_sign_in.people import IPHONE
from exmail_admin.tests.e2e.conftest import DESK, PHONE
from exmail_admin.tests.e2e.test_mission import code_in, create_member, link_in, press_main_button
from exmail_admin.tests.e2e.test_pages import look_at

POLL = settings.ACCOUNTS_QR_POLL_SECONDS * 1000
OFFICE, OFFICE_TOO, MOBILE = "203.0.113.7", "203.0.113.8", "198.51.100.20"


@pytest.fixture
def desk_from(open_page):
    """Return a function that opens a desktop browser with this IP address."""

    def open_desk(address: str = OFFICE, **options: object) -> Page:
        return open_page(DESK, extra_http_headers={"X-Forwarded-For": address}, **options)

    return open_desk


@pytest.fixture
def phone_of(console, open_page, sign_in_as_owner):
    """Return a function that creates a member and opens the phone on which they have just joined."""

    def join(name: str, prefix: str, number: str, *, address: str = OFFICE_TOO, **options: object) -> Page:
        create_member(sign_in_as_owner(open_page(DESK)), name, prefix, number)
        page = phone_from(open_page, address, **options)
        page.goto(link_in(console.next_message(f"+86{number}")))
        press_main_button(page)
        page.fill("[name=code]", code_in(console.next_message(f"+86{number}", after=1)))
        press_main_button(page)
        page.wait_for_url("**/mailbox/")
        return page

    return join


def phone_from(open_page, address: str = OFFICE_TOO, **options: object) -> Page:
    headers = {"X-Forwarded-For": address}
    options = {"user_agent": IPHONE, "has_touch": True, "is_mobile": True, **options}
    return open_page(PHONE, extra_http_headers=headers, **options)


def scan(desk: Page) -> str:
    """Decode the QR code on the screen."""
    desk.wait_for_selector("main [data-state=new]")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(desk.screenshot())))
    return code.text


def is_at(page: Page, state: str) -> None:
    expect(page.locator("main")).to_have_attribute("data-state", state)


def approve(phone: Page) -> None:
    phone.locator("form[action$='/approve/'] .button--primary").click()


@pytest.mark.parametrize(
    ("locale", "name", "prefix", "number", "masked"),
    [("zh-CN", "韩梅", "hanmei", "13911156601", "韩*"), ("en-US", "Hanna May", "hanna", "13911156602", "H***")],
)
def test_a_desk_is_signed_in_by_a_phone_and_signed_out_by_it(
    console, desk_from, phone_of, locale, name, prefix, number, masked
):
    phone = phone_of(name, prefix, number, locale=locale)
    desk = desk_from(locale=locale)
    desk.goto("/login/")
    code = scan(desk)
    assert re.fullmatch(rf"{console.url}/q/[\w-]{{22}}/", code)
    phone.goto(code)
    is_at(phone, "scanned")  # the page's script went on by itself
    expect(phone.locator("main")).to_contain_text(OFFICE)
    is_at(desk, "scanned")
    expect(desk.locator("[data-qr-name]")).to_have_text(masked)
    expect(phone.locator("[name=number]")).to_have_count(0)
    approve(phone)
    is_at(phone, "approved")
    desk.wait_for_url("**/mailbox/")
    expect(desk.locator("main")).to_contain_text(f"{prefix}@demo.example")

    phone.goto("/mailbox/")
    phone.locator(".news form[action$='/end/'] button").click()
    phone.wait_for_url("**/mailbox/devices/")
    expect(phone.locator(".news")).to_have_count(0)
    desk.reload()
    desk.wait_for_url("**/login/**")


def test_in_another_network_the_number_of_the_desk_is_typed(desk_from, phone_of):
    phone, desk = phone_of("田野", "tianye", "13911156603", address=MOBILE), desk_from()
    desk.goto("/login/")
    phone.goto(scan(desk))
    is_at(desk, "scanned")
    number = desk.locator("[data-qr-number]").inner_text()
    assert re.fullmatch(r"\d\d", number)
    phone.fill("[name=number]", f"{(int(number) + 1) % 100:02}")
    approve(phone)
    phone.wait_for_selector("[name=number][aria-invalid=true]")
    phone.fill("[name=number]", number)
    phone.press("[name=number]", "Enter")  # means: approve, not: decline
    is_at(phone, "approved")
    desk.wait_for_url("**/mailbox/")


def test_it_works_without_script_on_both_sides(desk_from, phone_of):
    phone = phone_of("方正", "fangzheng", "13911156604", address=MOBILE, java_script_enabled=False)
    desk = desk_from(java_script_enabled=False)
    desk.goto("/login/")
    desk.locator("form[action='/q/'] button:visible").click()
    desk.wait_for_url("**/wait/")
    phone.goto(scan(desk))
    is_at(phone, "new")
    press_main_button(phone)
    is_at(phone, "scanned")
    desk.locator("form[action$='/claim/'] button:visible").click()  # too early
    is_at(desk, "scanned")
    phone.fill("[name=number]", desk.locator("[data-qr-number]").inner_text())
    approve(phone)
    is_at(phone, "approved")
    desk.locator("form[action$='/claim/'] button:visible").click()
    desk.wait_for_url("**/mailbox/")


def test_a_phone_that_is_not_signed_in_signs_in_and_still_has_to_approve(console, desk_from, phone_of, open_page):
    phone_of("高远", "gaoyuan", "13911156605").context.close()
    console.let_a_minute_pass()
    desk = desk_from()
    desk.goto("/login/")
    phone = phone_from(open_page)
    phone.goto(scan(desk))
    phone.wait_for_url("**/login/**")
    expect(phone.locator("[data-qr]")).to_have_count(0)
    phone.fill("[name=phone]", "13911156605")
    press_main_button(phone)
    phone.wait_for_url("**/login/code/**")
    phone.fill("[name=code]", code_in(console.next_message("+8613911156605", after=2)))
    press_main_button(phone)
    is_at(phone, "scanned")
    approve(phone)
    desk.wait_for_url("**/mailbox/")


def test_a_declined_desk_says_so_and_shows_another_code(desk_from, phone_of):
    phone, desk = phone_of("严肃", "yansu", "13911156606"), desk_from()
    desk.goto("/login/")
    first = scan(desk)
    phone.goto(first)
    phone.locator("form[action$='/decline/'] button").click()
    is_at(phone, "declined")
    is_at(desk, "declined")
    desk.locator("form[action='/q/'] button:visible").click()
    assert scan(desk) != first


def test_an_expired_code_is_renewed_five_times(desk_from):
    """The server's answer that it has expired is simulated; the times are tested in accounts."""
    desk = desk_from("203.0.113.60")
    desk.route("**/state/", lambda route: route.fulfill(json={"state": "expired", "seconds": 0}))
    asked, button = [], desk.locator("form[action='/q/'] button:visible")
    desk.on("request", lambda request: request.url.endswith("/q/") and asked.append(request))
    desk.clock.install()
    desk.goto("/login/")
    is_at(desk, "new")
    while not button.count():
        assert len(asked) <= 6
        desk.clock.run_for(POLL)
    desk.clock.run_for(10 * POLL)
    assert len(asked) == 6
    is_at(desk, "expired")
    expect(desk.locator("[data-qr] [role=status]").first).to_contain_text("二维码已过期")


def test_the_remaining_time_is_shown_and_announced_once(desk_from):
    desk = desk_from("203.0.113.61")
    desk.route("**/state/", lambda route: route.fulfill(json={"state": "new", "seconds": 19}))
    desk.goto("/login/")
    expect(desk.locator("[data-qr-soon][role=status]")).to_have_text("二维码将在 19 秒后过期。")
    expect(desk.locator("[role=timer]")).to_contain_text("0:1")


def test_a_waiting_page_survives_a_restart_of_the_console(console, desk_from, phone_of):
    phone, desk = phone_of("史上", "shishang", "13911156607"), desk_from()
    desk.goto("/login/")
    code = scan(desk)
    console.stop()
    try:
        for _ in range(2):
            desk.wait_for_event("requestfailed")
            is_at(desk, "new")
    finally:
        console.start()
    phone.goto(code)
    is_at(desk, "scanned")
    approve(phone)
    desk.wait_for_url("**/mailbox/")


@pytest.mark.postgres
def test_a_waiting_page_survives_a_restart_of_the_database(console, desk_from, phone_of):
    """All connections to PostgreSQL are closed, as by a restart."""
    phone, desk = phone_of("史中", "shizhong", "13911156619"), desk_from()
    desk.goto("/login/")
    code = scan(desk)
    with psycopg.connect(console.environment["DATABASE_URL"], autocommit=True) as server:
        held = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert server.execute(f"SELECT count(pg_terminate_backend(pid)) {held}").fetchone()[0] > 0
    phone.goto(code)
    is_at(desk, "scanned")
    approve(phone)
    desk.wait_for_url("**/mailbox/")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_code_on_the_screen_decodes_small_and_large(desk_from, scale, scheme):
    desk = desk_from(f"203.0.113.{70 + scale}", device_scale_factor=scale, color_scheme=scheme)
    desk.goto("/login/")
    assert "/q/" in scan(desk)
    picture = desk.locator("[data-qr-image]")
    picture.evaluate("image => { image.style.width = image.style.height = '120px' }")
    assert picture.bounding_box()["width"] == 120
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.screenshot())))
    assert "/q/" in code.text


SEEN = {
    "zh-light": ("zh-CN", "light", "13911156611"),
    "en-dark": ("en-US", "dark", "13911156612"),
}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("look", SEEN)
def test_every_state_is_accessible(desk_from, phone_of, look):
    """Q30: each state, on both devices, passes axe and is not wider than the screen."""
    locale, scheme, number = SEEN[look]
    looks = {"locale": locale, "color_scheme": scheme}
    phone = phone_of("欧阳清风明月", f"ouyang{number[-2:]}", number, address=MOBILE, **looks)
    desk = desk_from(f"203.0.113.{number[-2:]}", **looks)
    desk.goto("/login/")
    code = scan(desk)
    look_at(desk, f"qr-{look}-desk-new")
    expect(desk.locator("[role=timer]")).to_be_visible()
    phone.goto(code)
    is_at(phone, "scanned")
    look_at(phone, f"qr-{look}-phone-scanned")
    is_at(desk, "scanned")
    look_at(desk, f"qr-{look}-desk-scanned")
    phone.fill("[name=number]", "")
    approve(phone)
    phone.wait_for_selector("[name=number][aria-invalid=true]")
    look_at(phone, f"qr-{look}-phone-refused")
    phone.locator("form[action$='/decline/'] button").click()
    is_at(phone, "declined")
    look_at(phone, f"qr-{look}-phone-declined")
    is_at(desk, "declined")
    look_at(desk, f"qr-{look}-desk-declined")
    phone.goto("/q/AAAAAAAAAAAAAAAAAAAAAA/")
    look_at(phone, f"qr-{look}-phone-unknown")

    desk.locator("form[action='/q/'] button:visible").click()
    phone.goto(scan(desk))
    is_at(desk, "scanned")
    phone.fill("[name=number]", desk.locator("[data-qr-number]").inner_text())
    approve(phone)
    is_at(phone, "approved")
    look_at(phone, f"qr-{look}-phone-approved")
    desk.wait_for_url("**/mailbox/")
    phone.goto("/mailbox/")
    look_at(phone, f"qr-{look}-phone-news")
    phone.goto("/mailbox/devices/")
    look_at(phone, f"qr-{look}-phone-devices")

    other = desk_from(f"203.0.114.{number[-2:]}", **looks)
    other.route("**/state/", lambda route: route.fulfill(json={"state": "expired", "seconds": 0}))
    other.goto("/login/")
    expect(other.locator("form[action='/q/'] button:visible")).to_be_visible(timeout=30_000)
    look_at(other, f"qr-{look}-desk-expired")
    other.route("**/q/", lambda route: route.fulfill(status=429, headers={"Retry-After": "60"}))
    other.goto("/login/")
    expect(other.locator("[data-qr]")).to_have_attribute("data-state", "limited")
    is_at(other, "expired")
    look_at(other, f"qr-{look}-desk-limited")


def test_a_code_is_requested_and_declined_by_keyboard(desk_from, phone_of):
    desk, phone = desk_from(java_script_enabled=False), phone_of("江河", "jianghe", "13911156608")
    desk.goto("/login/")
    button = desk.locator("form[action='/q/'] button:visible")
    button.focus()
    button.press("Enter")
    desk.wait_for_url("**/wait/")
    phone.goto(scan(desk))
    is_at(phone, "scanned")
    phone.locator("form[action$='/decline/'] button").press("Enter")
    is_at(phone, "declined")
