"""Joining at `/i/passkey/` with a passkey instead of a password."""

from __future__ import annotations

import json

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent, User
from accounts.second_factor.factors import keep_passkey
from accounts.tests.device import Device
from conftest import audit_events
from directory.joining.activation_codes import issue_code
from directory.models import ActivationCode
from directory.tests.joining.test_activation import PASSWORD, choose, code, enter, zhou

__all__ = ["code", "zhou"]
pytestmark = pytest.mark.django_db
PASSKEY, OPTIONS, PAGE = "/i/passkey/", "/i/passkey/options/", "/i/password/"


@pytest.fixture
def browser():
    """On https, where browsers know passkeys."""
    return Client(headers={"accept-language": "en", "user-agent": "Mozilla/5.0 (Linux; Android 15) Chrome/140.0"})


def make(browser, device):
    return browser.post(PASSKEY, {"passkey": device.create(browser.post(OPTIONS).json())})


def sign_in_with(device):
    browser = Client()
    options = browser.post("/login/passkey/options/").json()
    return browser, browser.post("/login/passkey/", {"passkey": device.get(options), "next": ""})


@pytest.mark.parametrize(("host", "secure", "is_offered"), [("testserver", True, True), ("testserver", False, False)])
def test_it_is_offered_where_browsers_know_passkeys(browser, code, host, secure, is_offered):
    enter(browser, code)
    assert (f'action="{PASSKEY}"' in browser.get(PAGE, secure=secure).text) == is_offered


def test_the_member_joins_with_a_passkey_and_it_alone_signs_them_in(browser, zhou, code):
    enter(browser, code)
    device = Device()
    answer = make(browser, device)
    assert (answer.status_code, answer["Location"]) == (303, "/mailbox/")
    assert "zhou.gong@example.com" in browser.get("/mailbox/").text
    zhou.refresh_from_db()
    assert (zhou.status, zhou.user.login, zhou.user.has_usable_password()) == ("active", "zhou.gong@example.com", False)
    assert Authenticator.objects.get(user=zhou.user).data["name"] == "Chrome on Android"
    assert ActivationCode.objects.get().used_at
    actions = list(audit_events().order_by("number").values_list("action", flat=True))
    assert actions[-3:-1] == ["factor_added", "member_joined"] or actions[-2:] == ["factor_added", "member_joined"]
    later, answer = sign_in_with(device)
    assert (answer.status_code, later.get("/mailbox/").status_code) == (303, 200)


def test_asking_for_it_makes_nobody_and_a_password_may_still_be_chosen(browser, zhou, code):
    enter(browser, code)
    before = User.objects.count()
    ids = set()
    for _ in range(3):
        ids.add(json.dumps(browser.post(OPTIONS).json()["publicKey"]["user"]["id"]))
    assert len(ids) == 3
    assert User.objects.count() == before
    assert choose(browser).status_code == 303
    zhou.refresh_from_db()
    assert zhou.user.has_usable_password()


def test_a_member_with_a_passkey_needs_no_password(browser, zhou, code):
    enter(browser, code)
    choose(browser)
    zhou.refresh_from_db()
    other = Client(headers={"accept-language": "en"})
    enter(other, issue_code(zhou, by=command_actor()))
    device = Device()
    assert make(other, device).status_code == 303
    assert browser.get("/mailbox/").status_code == 302, "signed out elsewhere"
    assert Client().post("/login/password/", {"login": zhou.user.login, "password": PASSWORD}).status_code == 422
    assert sign_in_with(device)[1].status_code == 303
    assert User.objects.filter(login=zhou.user.login).count() == 1


def test_a_new_code_replaces_a_lost_passkey_by_a_password(browser, zhou, code):
    enter(browser, code)
    lost = Device()
    make(browser, lost)
    zhou.refresh_from_db()
    other = Client(headers={"accept-language": "en"})
    enter(other, issue_code(zhou, by=command_actor()))
    assert choose(other).status_code == 303
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.get(action="factors_reset").personal["before"] == {"factors": 1}
    form_data = {"login": "zhou.gong@example.com", "password": PASSWORD}
    assert Client().post("/login/password/", form_data)["Location"] == "/"
    assert sign_in_with(lost)[1].status_code == 422


def test_a_code_does_not_bypass_the_second_factor(browser, zhou, code):
    enter(browser, code)
    choose(browser)
    zhou.refresh_from_db()
    keep_passkey(zhou.user, name="phone", credential=a_credential())
    other = Client(headers={"accept-language": "en"})
    enter(other, issue_code(zhou, by=command_actor()))
    assert PASSKEY not in other.get(PAGE, secure=True).text
    answer = make(other, Device())
    assert answer.status_code == 410
    assert "Choose a password. Your second factor" in answer.text
    assert Authenticator.objects.filter(type="webauthn").count() == 1


def a_credential():
    """Of any device, as it is kept."""
    return json.loads(Device().create({"publicKey": {"user": {"id": ""}, "challenge": "AA"}}))


def test_what_the_device_did_not_make_here_joins_nobody(browser, zhou, code):
    enter(browser, code)
    options = browser.post(OPTIONS).json()
    for credential in (
        "",
        "{}",
        "x",
        Device(is_verified=False).create(options),
        Device(origin="https://evil.example").create(options),
    ):
        answer = browser.post(PASSKEY, {"passkey": credential}, secure=True)
        assert answer.status_code == 422
        assert "The passkey wasn't accepted" in answer.text
    zhou.refresh_from_db()
    assert (zhou.status, zhou.user) == ("pending", None)


def test_a_challenge_counts_once_and_for_its_own_person(browser, zhou, code, tenant):
    enter(browser, code)
    made = Device().create(browser.post(OPTIONS).json())
    other = Client()
    enter(other, issue_code(zhou, by=command_actor()))
    assert other.post(PASSKEY, {"passkey": made}).status_code == 422
    assert browser.post(PASSKEY, {"passkey": made}).status_code in {302, 410}, "the code was replaced"
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("path", [PASSKEY, OPTIONS])
def test_without_a_code_there_is_nothing_to_make(browser, path):
    answer = browser.post(path, {"passkey": "{}"})
    assert (answer.status_code, answer["Location"]) == (302, "/i/code/")
    assert browser.get(path).status_code == (302 if path == PASSKEY else 405)


def test_a_form_from_elsewhere_is_refused():
    assert Client(enforce_csrf_checks=True).post(PASSKEY).status_code == 403
