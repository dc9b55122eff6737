"""The page of the code: in with the right one, told with a wrong one, and nothing else."""

import threading
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from core.encryption import decrypt
from sms.models import Message, PhoneCode

pytestmark = pytest.mark.django_db
PHONE = "+8613800138001"


@pytest.fixture(autouse=True)
def _some_enterprise(enterprise):
    """The one that Lin's number leads into."""


@pytest.fixture
def lin(db):
    return User.objects.create_user(phone=PHONE, name="林晓")


def ask(browser, phone=PHONE):
    """Ask for a code and read it where only its receiver can."""
    assert browser.post("/login/", {"phone": phone}).status_code == 303
    return decrypt(Message.objects.latest("pk").encrypted)["code"]


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06}"


def test_without_a_pending_code_the_page_redirects(client):
    response = client.get("/login/code/?next=/mailbox/")
    assert (response.status_code, response.url) == (302, "/login/?next=%2Fmailbox%2F")


def test_the_page_shows_the_masked_number_only(english):
    ask(english)
    page = english.get("/login/code/").content
    assert b"138****8001" in page
    assert b"13800138001" not in page


def test_the_right_code_signs_in_and_goes_on(english, lin):
    code = ask(english)
    response = english.post("/login/code/", {"code": code, "next": "/mailbox/"})
    assert (response.status_code, response.url) == (303, "/mailbox/")
    assert english.session["_auth_user_id"] == str(lin.pk)
    assert english.session["method"] == "code"


def test_a_code_is_used_once(english, lin):
    code = ask(english)
    english.post("/login/code/", {"code": code})
    assert english.post("/login/code/", {"code": code}).url == "/login/"


def test_another_browser_can_t_use_the_code(english, lin):
    code = ask(english)
    other = Client()
    assert other.post("/login/code/", {"code": code}).status_code == 302
    other.cookies["browser"] = "A" * 22
    assert other.post("/login/code/", {"code": code}).status_code == 302
    assert "_auth_user_id" not in other.session


def test_a_stranger_s_proof_is_kept_but_nobody_is_signed_in(english):
    code = ask(english)
    response = english.post("/login/code/", {"code": code, "next": "/mailbox/"})
    assert (response.status_code, response.url) == (303, "/")
    assert "_auth_user_id" not in english.session
    assert english.session["proven_phone"] == PHONE


def test_a_disabled_person_is_not_signed_in(english, lin):
    User.objects.update(is_active=False)
    english.post("/login/code/", {"code": ask(english)})
    assert "_auth_user_id" not in english.session


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1" * 10_000, "12\x003456"])
def test_what_is_no_code_is_refused_beside_the_field(english, code):
    ask(english)
    response = english.post("/login/code/", {"code": code})
    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content


def test_five_wrong_codes_are_looked_at_and_then_not_even_the_right_one(english, lin):
    code = ask(english)
    for _ in range(5):
        assert english.post("/login/code/", {"code": wrong(code)}).status_code == 422
    response = english.post("/login/code/", {"code": code})
    assert response.status_code == 429
    assert int(response["Retry-After"]) >= 1
    assert PhoneCode.objects.get().attempts == 5
    assert "_auth_user_id" not in english.session


def test_an_old_code_is_refused(english, lin):
    code = ask(english)
    PhoneCode.objects.update(expires_at=timezone.now())
    assert english.post("/login/code/", {"code": code}).status_code == 422


def test_another_code_comes_after_a_minute(english, lin):
    first = ask(english)
    response = english.post("/login/code/send/", {"next": "/mailbox/"})
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    PhoneCode.objects.update(created_at=timezone.now() - timedelta(seconds=60))
    response = english.post("/login/code/send/", {"next": "/mailbox/"})
    assert (response.status_code, response.url) == (303, "/login/code/?next=%2Fmailbox%2F")
    assert PhoneCode.objects.filter(superseded_at=None).count() == 1
    assert english.post("/login/code/", {"code": first}).status_code == 422


def test_nothing_is_sent_again_where_nothing_was_sent(client):
    assert client.post("/login/code/send/").url == "/login/"


def test_the_session_s_key_changes(english, lin):
    english.get("/login/")
    session = english.session
    session["planted"] = 1
    session.save()
    planted = session.session_key
    english.cookies["session"] = planted
    english.post("/login/code/", {"code": ask(english)})
    assert english.session.session_key != planted
    victim = Client()
    victim.cookies["session"] = planted
    assert "_auth_user_id" not in victim.session


def test_a_get_sends_nothing(client):
    assert client.get("/login/code/send/").status_code == 302


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client, method):
    assert getattr(client, method)("/login/code/").status_code == 405


@pytest.mark.parametrize("path", ["/login/code/", "/login/code/send/"])
def test_a_form_from_elsewhere_is_refused(path):
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403


def post_at_once(english, code, count=40):
    """The answers to `count` browsers with the same cookie that all send `code`."""
    answers = []

    def post():
        browser = Client()
        browser.cookies["browser"] = english.cookies["browser"].value
        response = browser.post("/login/code/", {"code": code})
        answers.append((response.status_code, "_auth_user_id" in browser.session))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_concurrent_right_codes_sign_in_once(english, lin):
    answers = post_at_once(english, ask(english))
    assert [is_signed_in for _status, is_signed_in in answers].count(True) == 1
    assert UserSession.objects.count() == 1
    assert {status for status, is_signed_in in answers if not is_signed_in} <= {302, 422, 429}


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_many_concurrent_wrong_codes_five_are_checked(english, lin):
    answers = post_at_once(english, wrong(ask(english)))
    assert sorted(status for status, _is_signed_in in answers) == [422] * 5 + [429] * 35
