"""Passkeys: set up, asked for, and alone enough to sign in; what proves nothing is refused and never fails loudly."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import User
from accounts.tests.device import Device
from accounts.tests.test_security import app_code, equip
from conftest import PASSWORD, audit_events

pytestmark = pytest.mark.django_db
NEW, NEW_OPTIONS = "/mailbox/factors/passkeys/new/", "/mailbox/factors/passkeys/new/options/"
LOGIN, FACTOR, OPTIONS = "/login/passkey/", "/login/factor/passkey/", "/login/passkey/options/"


def keep(browser, device, name="办公电脑"):
    """Set the device's passkey up in this browser."""
    answer = device.create(browser.post(NEW_OPTIONS).json())
    return browser.post(NEW, {"name": name, "passkey": answer})


@pytest.fixture
def device(client_of, alice):
    """Alice's."""
    device = Device()
    assert keep(client_of(alice), device).status_code == 303
    return device


def alone(browser, device, **changed):
    return browser.post(LOGIN, {"passkey": device.get(browser.post(OPTIONS).json(), **changed), "next": "/console/"})


def test_a_passkey_is_set_up_with_recovery_codes(client_of, alice):
    browser = client_of(alice)
    answer = keep(browser, Device())
    assert (answer.status_code, answer.url) == (303, "/mailbox/factors/recovery/")
    assert list(audit_events().values_list("action", flat=True)) == ["factor_added", "recovery_codes_made"]
    assert "办公电脑" in browser.get("/mailbox/factors/").content.decode()


def test_options_require_user_verification_and_a_discoverable_key(client_of, alice):
    options = client_of(alice).post(NEW_OPTIONS).json()["publicKey"]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["rp"]["id"] == "testserver"


def test_a_registered_device_is_excluded(client_of, alice, device):
    options = client_of(alice).post(NEW_OPTIONS).json()["publicKey"]
    assert len(options["excludeCredentials"]) == 1


def test_a_passkey_requires_a_name(client_of, alice):
    for name in ("", " ", "x" * 65):
        assert keep(client_of(alice), Device(), name).status_code == 422
    assert not Authenticator.objects.exists()


def test_a_passkey_alone_counts_as_two_factors(english, alice, device):
    answer = alone(english, device)
    assert (answer.status_code, answer.url) == (303, "/console/")
    assert english.session["_auth_user_id"] == str(alice.pk)
    assert english.session["method"] == "passkey"
    assert english.session["factor_at"]
    assert Authenticator.objects.get(type="webauthn").last_used_at


def test_a_passkey_is_accepted_after_a_password(english, alice, device):
    answer = english.post("/login/password/", {"login": "alice", "password": PASSWORD, "next": "/console/messages/"})
    assert answer.url == "/login/factor/"
    options = english.post(OPTIONS, {"factor": "1"}).json()
    assert len(options["publicKey"]["allowCredentials"]) == 1
    answer = english.post(FACTOR, {"passkey": device.get(options)})
    assert (answer.status_code, answer.url) == (303, "/console/messages/")
    assert english.session["method"] == "password"


def test_a_passkey_reauthenticates(client_of, alice, device):
    browser = client_of(alice)
    session = browser.session
    session["factor_at"] = session["proved_at"] = 1
    session.save()
    assert browser.post("/console/joining/reset/").status_code == 422
    options = browser.post(OPTIONS, {"factor": "1"}).json()
    answer = browser.post("/console/joining/reset/", {"proof_passkey": device.get(options), "proof": ""})
    assert answer.status_code == 303


def test_a_response_is_accepted_once(english, device):
    answer = device.get(english.post(OPTIONS).json())
    assert english.post(LOGIN, {"passkey": answer}).status_code == 303
    assert english.post(LOGIN, {"passkey": answer}).status_code == 422
    assert Client().post(LOGIN, {"passkey": answer}).status_code == 422


def test_a_challenge_is_deleted_with_the_first_response(english, device):
    options = english.post(OPTIONS).json()
    assert english.post(LOGIN, {"passkey": "{}"}).status_code == 422
    assert english.post(LOGIN, {"passkey": device.get(options)}).status_code == 422


def test_the_challenge_of_another_browser_proves_nothing(english, device):
    other = Client()
    english.post(OPTIONS)
    assert english.post(LOGIN, {"passkey": device.get(other.post(OPTIONS).json())}).status_code == 422


@pytest.mark.parametrize(
    "spoiled",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://testserver"},
        {"host": "evil.example"},
        {"is_verified": False},
    ],
    ids=str,
)
def test_another_origin_or_no_user_verification_is_refused(english, device, spoiled):
    for name, value in spoiled.items():
        setattr(device, name, value)
    assert alone(english, device).status_code == 422
    assert "_auth_user_id" not in english.session


@pytest.mark.parametrize("spoiled", [{"origin": "https://evil.example"}, {"is_verified": False}], ids=str)
def test_a_registration_from_another_origin_or_unverified_is_refused(client_of, alice, spoiled):
    assert keep(client_of(alice), Device(**spoiled)).status_code == 422
    assert not Authenticator.objects.exists()


def test_a_forged_signature_proves_nothing(english, device):
    for signature in (b"", b"\x00" * 70, b"\x30\x06\x02\x01\x01\x02\x01\x01"):
        assert alone(english, device, signature=signature).status_code == 422


def test_a_passkey_of_someone_else_is_no_second_step(client_of, alice, dora, device, english):
    other = Device()
    keep(client_of(dora), other)
    english.post("/login/password/", {"login": "alice", "password": PASSWORD})
    options = english.post(OPTIONS, {"factor": "1"}).json()
    assert english.post(FACTOR, {"passkey": other.get(options)}).status_code == 422
    assert "_auth_user_id" not in english.session


def test_a_device_that_says_it_is_someone_else_proves_nothing(client_of, alice, dora, device, english):
    other = Device()
    keep(client_of(dora), other)
    other.user = device.user
    assert alone(english, other).status_code == 422


def test_a_removed_passkey_proves_nothing(client_of, alice, english, device):
    equip(alice)
    row = Authenticator.objects.get(type="webauthn")
    client_of(alice).post(f"/mailbox/factors/{row.pk}/remove/")
    assert alone(english, device).status_code == 422


def test_a_disabled_person_does_not_get_in(english, device):
    User.objects.update(is_active=False)
    assert alone(english, device).status_code == 422


GARBAGE = [
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "{",
    "{}",
    '{"id": 1}',
    '{"response": null}',
    '{"response": {"userHandle": 5}}',
    '{"response": {"userHandle": "////"}}',
    '{"response": {"userHandle": "MQ"}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "oA",'
    ' "authenticatorData": "AA", "signature": "AA", "userHandle": "MQ"}}',
    "[" * 10_000,
    json.dumps({"id": "A" * 30_000}),
    "\x00",
]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_refused(client_of, alice, english, text):
    english.post(OPTIONS)
    assert english.post(LOGIN, {"passkey": text}).status_code == 422
    equip(alice)
    browser = client_of(alice)
    browser.post(OPTIONS, {"factor": "1"})
    assert browser.post(FACTOR, {"passkey": text}).status_code == 422
    browser.post(NEW_OPTIONS)
    assert browser.post(NEW, {"name": "x", "passkey": text}).status_code == 422
    assert not Authenticator.objects.filter(type="webauthn").exists()


def test_a_refused_page_still_offers_the_code(client_of, alice, device):
    equip(alice)
    browser = client_of(alice)
    assert b'name="code"' in browser.post(FACTOR, {"passkey": ""}).content
    assert browser.post("/login/factor/", {"code": app_code()}).status_code == 303


@pytest.mark.parametrize(
    ("address", "is_https", "is_offered"),
    [
        ("mail.example.com", True, True),
        ("mail.example.com", False, False),
        ("localhost:8000", False, True),
        ("127.0.0.1:8000", False, False),
        ("192.168.1.20", True, False),
        ("[::1]:8000", True, False),
    ],
)
def test_passkeys_are_offered_where_browsers_know_them(client, settings, address, is_https, is_offered):
    settings.ALLOWED_HOSTS = ["*"]
    page = client.get("/login/password/", secure=is_https, headers={"host": address})
    assert (b"data-passkey" in page.content) == is_offered
