"""The sign-in page: a phone number, a code to it, and nothing told about the number."""

import re
from urllib.parse import quote

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sms.models import Message, PhoneCode

pytestmark = pytest.mark.django_db
LISTED, UNLISTED = "13800138001", "13900139009"


def masked(response):
    """The page without what differs in every answer: its tokens."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", response.content)


def test_the_page_asks_for_a_phone(client):
    response = client.get("/login/")
    assert response.status_code == 200
    assert b'name="phone"' in response.content


def test_a_listed_number_gets_a_code(english):
    response = english.post("/login/", {"phone": LISTED})
    assert (response.status_code, response.url) == (303, "/login/code/")
    message = Message.objects.get()
    assert (message.to, message.kind) == ("+86" + LISTED, "code")


def test_a_foreign_number_is_understood_with_its_plus(english):
    assert english.post("/login/", {"phone": "+1 415 555 2671"}).status_code == 303
    assert PhoneCode.objects.get().phone == "+14155552671"


@pytest.mark.parametrize("phone", ["", "1", "010-62345678", "a" * 10_000, "138\x0000138001", "<script>"])
def test_what_is_no_phone_is_refused_beside_the_field(english, phone):
    response = english.post("/login/", {"phone": phone, "next": "/console/"})
    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    assert b'name="next" value="/console/"' in response.content
    assert not PhoneCode.objects.exists()


def answers_to(phone):
    """What a browser gets, and which statements it costs, from the first page to a wrong code."""
    browser = Client(headers={"accept-language": "en"})
    for method, path, data in [
        ("get", "/login/", {}),
        ("post", "/login/", {"phone": phone}),
        ("get", "/login/code/", {}),
        ("post", "/login/", {"phone": phone}),
        ("post", "/login/code/send/", {}),
        ("post", "/login/code/", {"code": "000000"}),
    ]:
        with CaptureQueriesContext(connection) as queries:
            response = getattr(browser, method)(path, data)
        page = masked(response).replace(phone.encode(), b"").replace(f"{phone[:3]}****{phone[-4:]}".encode(), b"")
        value = r"( E)?'[^']*'|( -)?\b\d+\b|\bs\d+_x\d+|\btrue\b|\bfalse\b|\bNULL\b"
        statements = [re.sub(value, "?", query["sql"]) for query in queries]
        yield response.status_code, page, sorted(response.cookies), response.get("Location"), statements


@time_machine.travel("2026-11-22T09:00:00Z", tick=False)
def test_listed_and_unlisted_numbers_get_the_same_answers(enterprise):
    """Threat O6: status, bytes, cookies, redirect and statements are the same."""
    # The clock stands still, for the pages count seconds.
    for listed, unlisted in zip(answers_to(LISTED), answers_to(UNLISTED), strict=True):
        assert listed == unlisted


def test_asking_again_within_a_minute_waits_and_keeps_the_page(english):
    english.post("/login/", {"phone": LISTED})
    response = english.post("/login/", {"phone": LISTED, "next": "/mailbox/"})
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert LISTED.encode() in response.content
    assert b"I have a code" in response.content
    assert Message.objects.count() == 1


def test_the_next_page_is_carried_to_the_code(english):
    response = english.post("/login/", {"phone": LISTED, "next": "/console/?q=a&b=c"})
    assert response.url == f"/login/code/?next={quote('/console/?q=a&b=c', safe='')}"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:evil.example", "evil"],
)
def test_a_next_page_elsewhere_is_forgotten(english, elsewhere):
    assert b'name="next" value=""' in english.get("/login/", {"next": elsewhere}).content
    assert english.post("/login/", {"phone": LISTED, "next": elsewhere}).url == "/login/code/"


def test_the_browser_is_given_its_cookie_once(english):
    english.post("/login/", {"phone": LISTED})
    cookie = english.cookies["browser"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 180 * 86400)
    assert "browser" not in english.get("/login/code/").cookies


def test_no_session_is_made_by_asking(english):
    english.post("/login/", {"phone": LISTED})
    assert not Session.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client, method):
    assert getattr(client, method)("/login/").status_code == 405


def test_a_form_from_elsewhere_is_refused():
    assert Client(enforce_csrf_checks=True).post("/login/", {"phone": LISTED}).status_code == 403


def test_a_number_of_the_demo_alone_gets_its_code_by_the_file_gateway(client, settings, enterprise):
    settings.SMS_GATEWAY = "twilio"
    enterprise.is_demo = True
    enterprise.save()
    client.post("/login/", {"phone": "13800138001"})
    assert enterprise.sms_messages.get().gateway == "file"
