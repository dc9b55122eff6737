"""Dangerous actions want to know again who asks (security.md 6.1)."""

import re
import time

import pytest
from django.test import Client

from accounts.models import AuditEvent
from accounts.tests.test_security import app_code, equip
from conftest import PASSWORD
from core.encryption import decrypt
from sms.models import Message, PhoneCode

pytestmark = pytest.mark.django_db
PATH = "/confirm/"
DOMAINS = "/console/settings/domains/"


def proven(browser, *, ago):
    """The person of this browser last showed who they are `ago` seconds back."""
    session = browser.session
    for key in ("factor_at", "proved_at"):
        if key in session:
            session[key] = time.time() - ago
    session.save()
    return browser


@pytest.fixture
def late(client_of, alice):
    """Alice's browser in the console, eleven minutes after her last proof; she has a password and no factor."""
    return proven(client_of(alice), ago=660)


def fields_of(page):
    """The first form inside <main>, as a person would send it on."""
    form = re.search(r"<main.*?(<form.*?</form>)", page.content.decode(), re.S)[1]
    return dict(re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', form))


DANGEROUS = [
    ("post", "/console/members/export/", 303),
    ("get", f"{DOMAINS}new/", 200),
    ("post", f"{DOMAINS}new/", 422),
    ("post", "/console/joining/", 422),
    ("post", "/console/joining/reset/", 303),
    ("get", "/mailbox/factors/new/", 200),
    ("post", "/mailbox/factors/new/", 422),
    ("post", "/mailbox/factors/passkeys/new/", 422),
    ("post", "/mailbox/factors/recovery/new/", 303),
    ("get", "/mailbox/password/", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), DANGEROUS)
def test_a_sensitive_action_is_allowed_within_ten_minutes_of_a_proof(client_of, alice, method, path, status):
    answer = getattr(proven(client_of(alice), ago=600 - 5), method)(path)
    assert answer.status_code == status
    assert b"Confirm it's you" not in answer.content


@pytest.mark.parametrize(("method", "path", "status"), DANGEROUS)
def test_ten_minutes_after_it_the_person_is_asked_again(client_of, alice, method, path, status):
    answer = getattr(proven(client_of(alice), ago=600), method)(path)
    if method == "get":
        assert answer.url.startswith("/confirm/?next=")
    else:
        assert answer.status_code == 422
        assert b"Confirm it's you" in answer.content


def test_looking_at_the_join_link_asks_nothing(late):
    assert late.get("/console/joining/").status_code == 200


def test_in_the_demo_users_without_a_factor_are_not_asked(late, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    assert late.post("/console/joining/reset/").status_code == 303


def test_in_the_demo_users_with_a_factor_are_asked(late, alice, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    equip(alice)
    assert late.get(f"{DOMAINS}new/").url.startswith("/confirm/")


def test_a_user_without_a_factor_confirms_by_password(late):
    page = late.get(late.get(f"{DOMAINS}new/").url)
    assert b'type="password"' in page.content
    answer = late.post(f"{PATH}?next={DOMAINS}new/", {"proof": PASSWORD})
    assert (answer.status_code, answer.url) == (303, f"{DOMAINS}new/")
    assert late.get(f"{DOMAINS}new/").status_code == 200


def test_a_page_elsewhere_is_forgotten(late):
    assert late.post(f"{PATH}?next=https://evil.example/", {"proof": PASSWORD}).url == "/"


def test_a_file_is_asked_for_on_its_page_and_the_person_comes_back_there(late):
    answer = late.post("/console/audit/export.xlsx?q=lin&via=web")
    assert answer.url == "/confirm/?next=%2Fconsole%2Faudit%2F%3Fq%3Dlin%26via%3Dweb"


def test_the_question_before_an_export_leads_back_to_the_list(late):
    """The file answers the proof, so the browser stays on the page that asked."""
    for rows in ("members", "applications"):
        for proof in ({}, {"proof": "wrong"}):
            page = late.post(f"/console/{rows}/export/", proof).text
            assert f'<a href="/console/{rows}/">' in page
            assert "data-download" in page


def test_submitted_fields_are_kept(late, tenant):
    typed = {"name": "brand-new.example", "webmail_url": "https://a.example/", "is_default": "on", "imap": '"><x>'}
    page = late.post(f"{DOMAINS}new/", typed)
    assert page.status_code == 422
    assert fields_of(page) == typed | {"imap": "&quot;&gt;&lt;x&gt;"}
    answer = late.post(f"{DOMAINS}new/", typed | {"imap": "", "proof": PASSWORD})
    assert answer.status_code == 303
    assert tenant.enterprise.domains.filter(name="brand-new.example", is_default=True).exists()


def test_several_values_of_one_name_are_all_carried(late):
    page = late.post("/console/joining/reset/", {"members": ["1", "2"]}).content.decode()
    assert re.findall(r'name="members" value="(\d)"', page) == ["1", "2"]


def test_a_typed_password_is_never_in_the_page(late):
    page = late.post("/mailbox/password/", {"password": "纸船-river-42", "confirm": "纸船-river-42"})
    assert page.status_code == 422
    assert "纸船" not in page.content.decode()


def test_a_wrong_password_is_refused_and_what_was_typed_is_kept(late):
    page = late.post("/console/joining/reset/", {"reason": "why", "proof": "wrong"})
    assert page.status_code == 422
    assert b'aria-invalid="true"' in page.content
    assert fields_of(page) == {"reason": "why"}
    assert not AuditEvent.objects.filter(action="join_link_reset").exists()


def test_guessing_the_password_here_counts_as_at_the_sign_in(late, english):
    for _ in range(10):
        late.post(PATH, {"proof": "wrong"})
    answer = late.post(PATH, {"proof": PASSWORD})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 800
    assert english.post("/login/password/", {"login": "alice", "password": PASSWORD}).status_code == 429


def test_a_user_with_a_factor_confirms_by_factor_only(late, alice):
    equip(alice)
    assert b'type="password"' not in late.get(PATH).content
    assert late.post(PATH, {"proof": PASSWORD}).status_code == 422
    assert late.post("/console/joining/reset/", {"proof": app_code()}).status_code == 303


def test_a_recent_password_does_not_replace_the_factor(client_of, alice):
    browser = client_of(alice)
    equip(alice)
    session = browser.session
    del session["factor_at"]
    session.save()
    assert browser.get("/mailbox/factors/new/").url.startswith("/confirm/")


def test_a_proof_gives_the_session_a_new_key(late):
    before = late.session.session_key
    late.post(PATH, {"proof": PASSWORD})
    assert late.session.session_key != before
    assert Client(headers={"cookie": f"session={before}"}).get("/mailbox/devices/").status_code == 302


# --- who has neither a factor nor a password


@pytest.fixture
def phone(client_of, lin, tenant):
    """Lin's browser, signed in by a code just now."""
    return client_of(lin.user, method="code", enterprise=tenant.enterprise)


def sent_code():
    return decrypt(Message.objects.latest("pk").encrypted)["code"]


def test_a_code_for_this_alone_is_sent_to_the_phone_on_record(phone):
    page = phone.get(phone.get("/mailbox/factors/new/").url)
    assert b"138****8001" in page.content
    assert not Message.objects.exists()
    assert phone.post(f"{PATH}?next=/mailbox/factors/new/", {"proof_send": "1"}).status_code == 200
    message = Message.objects.get()
    assert (message.to, message.params["purpose"]) == ("+8613800138001", "confirm")
    answer = phone.post(f"{PATH}?next=/mailbox/factors/new/", {"proof": sent_code()})
    assert answer.url == "/mailbox/factors/new/"
    assert phone.get("/mailbox/factors/new/").status_code == 200
    assert "factor_at" not in phone.session


def test_a_code_for_signing_in_proves_nothing_here(phone, english):
    english.post("/login/", {"phone": "13800138001"})
    assert phone.post(PATH, {"proof": sent_code()}).status_code == 422
    phone.post(PATH, {"proof_send": "1"})
    wrong = PhoneCode.objects.filter(purpose="confirm").get()
    assert wrong.subject == str(phone.session["_auth_user_id"])


def test_a_second_code_within_a_minute_is_refused(phone):
    phone.post(PATH, {"proof_send": "1"})
    answer = phone.post(PATH, {"proof_send": "1"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) <= 60
    assert Message.objects.count() == 1


def test_a_wrong_code_is_refused_and_the_sixth_not_looked_at(phone):
    phone.post(PATH, {"proof_send": "1"})
    wrong = "000000" if sent_code() != "000000" else "111111"
    assert [phone.post(PATH, {"proof": wrong}).status_code for _ in range(6)] == [422] * 5 + [429]


def test_a_user_with_a_password_can_not_use_a_code_instead(late):
    late.post(PATH, {"proof_send": "1"})
    assert not Message.objects.exists()
