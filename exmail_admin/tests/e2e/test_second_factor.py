"""The second factor: an app whose codes the test computes, and a passkey on a virtual authenticator."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from exmail_admin.tests.e2e.conftest import DESK
from exmail_admin.tests.e2e.test_mission import code_in, create_member, enter_code, link_in, press_main_button
from exmail_admin.tests.e2e.test_pages import WALKS, look_at
from exmail_admin.tests.stack import ROOT

PASSWORD = "纸船-river-42"
number = itertools.count(1)


@pytest.fixture(scope="module")
def keepers(console) -> list[str]:
    """Create several enterprises in one process, and return their owners' logins."""
    logins = [f"keeper{n}" for n in range(10)]
    code = "from django.core.management import call_command as call\n"
    code += f"for login in {logins}:\n"
    code += "    call('create_enterprise', name=login + ' 科技', domain=login + '.example', owner_login=login)\n"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env=console.environment,
        input=f"{PASSWORD}\n" * len(logins),
        text=True,
        check=True,
        capture_output=True,
    )
    return logins


@pytest.fixture
def keeper(keepers) -> str:
    """Return a user whose factors no other test changes."""
    return keepers.pop()


def sign_in(page: Page, login: str, *, base: str = "") -> None:
    page.goto(f"{base}/login/password/")
    page.fill("main [name=login]", login)
    page.fill("main [name=password]", PASSWORD)
    press_main_button(page)


def sign_out(page: Page) -> None:
    page.wait_for_load_state()
    page.context.clear_cookies(name="session")


def app_code(secret: str, *, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def virtual_device(page: Page) -> object:
    """Add a virtual authenticator whose user always consents."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


@pytest.mark.parametrize("look", WALKS)
def test_an_app_is_set_up_asked_for_and_replaced_by_a_recovery_code(open_page, keeper, look):
    viewport, locale, scheme = WALKS[look]
    page = open_page(viewport, locale=locale, color_scheme=scheme)
    sign_in(page, keeper)
    page.wait_for_url("**/console/")
    page.goto("/mailbox/factors/")
    look_at(page, f"{look}-factors-none")
    page.goto("/mailbox/factors/new/?next=/console/settings/")
    look_at(page, f"{look}-factor-new")
    secret = page.inner_text("main .app-key code").replace(" ", "")
    page.fill("[name=code]", "12345")
    press_main_button(page)
    page.wait_for_selector("[name=code][aria-invalid=true]")
    assert page.inner_text("main .app-key code").replace(" ", "") == secret
    look_at(page, f"{look}-factor-new-refused")
    page.fill("[name=code]", app_code(secret))
    press_main_button(page)
    page.wait_for_url("**/mailbox/factors/recovery/**")
    look_at(page, f"{look}-recovery-codes")
    codes = page.locator("main .recovery code").all_inner_texts()
    assert len(set(codes)) == 10
    with page.expect_download() as download:
        page.click("main a[download]")
    assert all(code in download.value.path().read_text() for code in codes)
    press_main_button(page)
    page.wait_for_url("**/console/settings/")

    sign_out(page)
    sign_in(page, keeper)
    page.wait_for_url("**/login/factor/")
    look_at(page, f"{look}-login-factor")
    page.fill("[name=code]", "000000")
    press_main_button(page)
    page.wait_for_selector("[name=code][aria-invalid=true]")
    look_at(page, f"{look}-login-factor-wrong")
    page.fill("[name=code]", app_code(secret, steps=1))
    press_main_button(page)
    page.wait_for_url("**/console/")

    sign_out(page)
    sign_in(page, keeper)
    page.wait_for_url("**/login/factor/")
    page.fill("[name=code]", codes[3])
    press_main_button(page)
    page.wait_for_url("**/console/")
    look_at(page, f"{look}-recovery-code-used")
    page.goto("/confirm/?next=/mailbox/factors/")
    look_at(page, f"{look}-confirm")
    page.goto("/mailbox/factors/")
    expect(page.locator("main")).to_contain_text("9")
    look_at(page, f"{look}-factors")
    page.locator("main .device__deeds > [popovertarget^=remove]").click()
    look_at(page, f"{look}-factor-remove")
    page.locator("dialog:popover-open button[type=submit]").click()
    page.wait_for_selector("main .empty")
    page.goto("/mailbox/password/")
    look_at(page, f"{look}-password-edit")


@pytest.mark.parametrize("look", WALKS)
def test_a_passkey_is_set_up_and_signs_in_alone(open_page, console, keeper, look):
    viewport, locale, scheme = WALKS[look]
    page = open_page(viewport, locale=locale, color_scheme=scheme)
    base = f"http://localhost:{console.port}"
    virtual_device(page)
    sign_in(page, keeper, base=base)
    page.wait_for_url("**/console/")
    page.goto(f"{base}/mailbox/factors/new/")
    look_at(page, f"{look}-passkey-new")
    page.fill("[name=name]", "办公电脑")
    page.click("form[data-passkey=create] button")
    page.wait_for_url("**/mailbox/factors/recovery/**")
    press_main_button(page)
    page.wait_for_selector("main [data-id]")
    expect(page.locator("main [data-id]")).to_contain_text("办公电脑")

    sign_out(page)
    page.goto(f"{base}/login/password/?next=/console/settings/")
    look_at(page, f"{look}-login-passkey")
    page.click("form[data-passkey=get] button")
    page.wait_for_url(f"{base}/console/settings/")

    sign_out(page)
    sign_in(page, keeper, base=base)
    page.wait_for_url("**/login/factor/")
    look_at(page, f"{look}-login-factor-passkey")
    page.click("form[data-passkey=get] button")
    page.wait_for_url("**/console/")

    page.goto(f"{base}/confirm/?next=/mailbox/factors/")
    look_at(page, f"{look}-confirm-passkey")
    page.click("form[data-passkey=get] button")
    page.wait_for_url(f"{base}/mailbox/factors/")
    page.locator("main .device__deeds > [popovertarget^=rename]").click()
    page.fill("dialog:popover-open [name=name]", "家里的电脑")
    page.locator("dialog:popover-open button[type=submit]").click()
    expect(page.locator("main [data-id]")).to_contain_text("家里的电脑")
    look_at(page, f"{look}-factors-passkey")


def test_a_device_without_user_presence_signs_nobody_in(open_page, console, keeper):
    page = open_page(DESK)
    base = f"http://localhost:{console.port}"
    session, device = virtual_device(page)
    sign_in(page, keeper, base=base)
    page.wait_for_url("**/console/")
    page.goto(f"{base}/mailbox/factors/new/")
    page.click("form[data-passkey=create] button")
    page.wait_for_url("**/mailbox/factors/recovery/**")
    sign_out(page)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto(f"{base}/login/password/")
    page.click("form[data-passkey=get] button")
    expect(page.locator("[data-passkey-error]")).to_be_visible()
    page.goto(f"{base}/console/")
    page.wait_for_url("**/login/**")


def test_where_browsers_know_no_passkeys_none_is_offered(open_page, keeper):
    page = open_page(DESK)
    page.goto("/login/password/")
    expect(page.locator("form[data-passkey]")).to_have_count(0)


@pytest.mark.parametrize("look", WALKS)
def test_a_user_with_only_a_phone_confirms_by_code(open_page, console, sign_in_as_owner, look):
    viewport, locale, scheme = WALKS[look]
    digits = f"139111127{next(number):02}"
    to = f"+86{digits}"
    create_member(sign_in_as_owner(open_page(DESK)), "沈青", f"shen{digits[-2:]}", digits)
    page = open_page(viewport, locale=locale, color_scheme=scheme)
    page.goto(link_in(console.next_message(to)))
    press_main_button(page)
    enter_code(page, console.next_message(to, after=1))
    page.wait_for_url("**/mailbox/")
    console.let_a_minute_pass()
    page.goto("/confirm/?next=/mailbox/factors/")
    look_at(page, f"{look}-confirm-phone")
    press_main_button(page)
    page.wait_for_selector("[name=proof]")
    look_at(page, f"{look}-confirm-phone-code")
    page.fill("[name=proof]", "12")
    press_main_button(page)
    page.wait_for_selector("[name=proof][aria-invalid=true]")
    page.fill("[name=proof]", code_in(console.next_message(to, after=2)))
    press_main_button(page)
    page.wait_for_url(f"{console.url}/mailbox/factors/")
    look_at(page, f"{look}-factors-member")
