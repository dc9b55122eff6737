"""Who gets into the console: a role, a password, not too long ago."""

import time

import pytest
from django.test import Client

from accounts.models import Role
from accounts.permissions import Permission, may
from accounts.tests.test_security import app_code, equip

pytestmark = pytest.mark.django_db
PATH = "/console/messages/"
SEE_ALL = set(Permission)


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("owner", SEE_ALL),
        ("admin", SEE_ALL),
        ("department_admin", {Permission.READ, Permission.MANAGE_MEMBERS, Permission.SEND_INVITATIONS}),
        ("auditor", {Permission.READ, Permission.READ_MESSAGES, Permission.READ_AUDIT, Permission.READ_SETTINGS}),
    ],
)
def test_each_role_has_its_permissions(role, permissions):
    assert {permission for permission in Permission if may(Role(name=role), permission)} == permissions


def test_every_role_has_its_permissions():
    for role in Role.Name.values:
        may(Role(name=role), Permission.READ)


def test_nobody_is_sent_to_sign_in_and_back(client):
    response = client.get(PATH + "?state=sent&q=1")
    assert (response.status_code, response.url) == (302, "/login/?next=%2Fconsole%2Fmessages%2F%3Fstate%3Dsent%26q%3D1")


def test_a_post_is_not_repeated_after_sign_in(client):
    assert client.post("/console/settings/").url == "/login/?next=%2Fconsole%2Fsettings%2F"


@pytest.mark.parametrize("method", ["password", "code", "qr", "wechat", "invitation", None])
def test_one_proof_alone_is_led_to_set_up_a_second_factor(client_of, alice, method):
    response = without_factor(client_of(alice, method=method)).get(PATH)
    assert (response.status_code, response.url) == (302, "/mailbox/factors/new/?next=%2Fconsole%2Fmessages%2F")


@pytest.mark.parametrize("method", ["password", "code", "qr", "wechat", "invitation", None])
def test_the_factor_is_required_after_every_way_to_sign_in(client_of, alice, method):
    """Q26 of security.md: a session by QR code reaches the console through the factor, and is not told 403."""
    equip(alice)
    response = without_factor(client_of(alice, method=method)).get(PATH)
    assert (response.status_code, response.url) == (302, "/login/factor/?next=%2Fconsole%2Fmessages%2F")


@pytest.mark.parametrize("method", ["password", "passkey", "code", "qr", "wechat", "invitation"])
def test_the_factor_opens_the_console_on_top_of_any_first_proof(client_of, alice, method):
    browser = client_of(alice, method=method)
    session = browser.session
    session["factor_at"] = time.time()
    session.save()
    assert browser.get(PATH).status_code == 200


@pytest.mark.parametrize(
    ("method", "next_page"),
    [("password", None), ("code", "/login/password/"), ("qr", "/login/password/")],
)
def test_where_things_are_tried_out_a_password_alone_will_do(client_of, alice, settings, method, next_page):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    response = without_factor(client_of(alice, method=method)).get(PATH)
    assert response.status_code == (302 if next_page else 200)
    if next_page:
        assert response.url.startswith(next_page)


def test_the_factor_is_required_there_too(client_of, alice, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    equip(alice)
    assert without_factor(client_of(alice)).get(PATH).url.startswith("/login/factor/")


def test_an_administrator_without_a_password_sets_up_a_factor_there_too(client_of, lin, enterprise, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    Role.objects.create(user=lin.user, enterprise=enterprise, name="admin")
    browser = client_of(lin.user, method="code", enterprise=enterprise)
    assert browser.get(PATH).url.startswith("/mailbox/factors/new/")


def test_after_an_idle_hour_the_factor_alone_is_asked_again(client_of, alice):
    equip(alice)
    browser = aged(client_of(alice), seen_at=3600)
    assert browser.get(PATH).url.startswith("/login/factor/")
    assert browser.post("/login/factor/", {"code": app_code(), "next": PATH}).url == PATH
    assert browser.get(PATH).status_code == 200


def test_after_twelve_hours_the_first_proof_is_asked_again_too(client_of, alice):
    equip(alice)
    browser = aged(client_of(alice), signed_in_at=12 * 3600)
    assert browser.get(PATH).url.startswith("/login/password/")


def test_a_user_without_a_password_reauthenticates_by_phone(client_of, lin, enterprise):
    Role.objects.create(user=lin.user, enterprise=enterprise, name="admin")
    browser = aged(client_of(lin.user, method="code", enterprise=enterprise), signed_in_at=12 * 3600)
    assert browser.get(PATH).url.startswith("/login/?next=")


def test_a_session_in_no_enterprise_has_no_console(client_of, alice):
    browser = client_of(alice)
    session = browser.session
    del session["enterprise"]
    session.save()
    assert browser.get(PATH).status_code == 403


def test_a_member_without_a_role_has_no_console(client_of, lin, enterprise):
    assert client_of(lin.user, method="code", enterprise=enterprise).get(PATH).status_code == 403


def test_a_role_elsewhere_opens_nothing_here(client_of, charlie, enterprise):
    assert client_of(charlie, enterprise=enterprise).get(PATH).status_code == 403


def test_a_removed_role_ends_the_console_at_once(client_of, alice):
    browser = client_of(alice)
    assert browser.get(PATH).status_code == 200
    alice.roles.all().delete()
    assert browser.get(PATH).status_code == 403


def test_a_disabled_person_is_out_at_once(client_of, alice):
    browser = client_of(alice)
    alice.is_active = False
    alice.save()
    assert browser.get(PATH).status_code == 302


def without_factor(browser):
    """The same session before the factor was proven."""
    session = browser.session
    session.pop("factor_at", None)
    session.save()
    return browser


def aged(browser, **keys):
    session = browser.session
    for key, seconds in keys.items():
        session[key] = time.time() - seconds
    session.save()
    return browser


@pytest.mark.parametrize(
    ("signed_in_ago", "seen_ago", "status"),
    [
        (12 * 3600 - 5, 10, 200),
        (12 * 3600, 10, 302),
        (4000, 3600 - 5, 200),
        (4000, 3600, 302),
    ],
)
def test_the_console_asks_again_after_an_idle_hour_and_after_twelve(client_of, alice, signed_in_ago, seen_ago, status):
    browser = aged(client_of(alice), signed_in_at=signed_in_ago, seen_at=seen_ago)
    response = browser.get(PATH)
    assert response.status_code == status
    if status == 302:
        assert response.url.startswith("/login/password/?next=")
        assert browser.get(PATH).status_code == 302, "the refused visit counted as activity"


@pytest.mark.parametrize(
    ("signed_in_ago", "seen_ago", "status"),
    [
        (14 * 86400 - 5, 10, 200),
        (14 * 86400, 10, 302),
        (8 * 86400, 7 * 86400 - 5, 200),
        (8 * 86400, 7 * 86400, 302),
    ],
)
def test_a_session_ends_after_an_idle_week_and_after_two(client_of, alice, signed_in_ago, seen_ago, status):
    browser = aged(client_of(alice, method="code"), signed_in_at=signed_in_ago, seen_at=seen_ago)
    assert browser.get("/mailbox/devices/").status_code == status
    assert ("_auth_user_id" in browser.session) == (status == 200)


def test_the_permission_is_asked_before_the_form_is_read(client_of, erin):
    assert client_of(erin).post("/console/settings/", {"name": "x"}).status_code == 403


def test_a_form_from_elsewhere_is_refused_even_with_a_right(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.post("/console/settings/", {"name": "x"}).status_code == 403
