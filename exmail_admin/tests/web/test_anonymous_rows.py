"""What strangers send leaves no rows without a limit (A13)."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts.models import AttemptCounter
from accounts.sign_in import attempt_limits
from accounts.tests.device import Device
from accounts.tests.second_factor.test_passkeys import keep
from exmail_admin.tests.test_conventions import routes

KWARGS = {"id": 1, "token": "A" * 22, "member": 1, "number": 1, "name": "x", "row": 1, "line": 1}


def paths() -> list[str]:
    found = []
    for route, pattern in routes():
        wanted = {name: KWARGS.get(name, 1) for name in pattern.pattern.converters}
        found.append(reverse(route, kwargs=wanted))
    return found


def test_no_request_of_a_stranger_opens_a_session(db):
    opened = []
    for path in paths():
        for client in (Client(), Client(enforce_csrf_checks=True, raise_request_exception=False)):
            # An outdated form: the token is well-formed, but not the cookie's.
            client.cookies["csrf"] = "a" * 32
            client.get(path)
            client.post(path, {"csrfmiddlewaretoken": "b" * 32})
        if Session.objects.exists():
            opened.append(path)
            Session.objects.all().delete()
    assert opened == []


def test_a_stranger_is_told_that_a_form_was_outdated(db, settings):
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    client.cookies["csrf"] = "a" * 32
    answer = client.post("/login/", {"csrfmiddlewaretoken": "b" * 32})
    page = client.get(answer["Location"]).text
    assert "This page was out of date" in page
    assert "This page was out of date" not in client.get("/login/").text


def test_invented_logins_leave_a_bounded_number_of_rows(db, monkeypatch):
    monkeypatch.setattr(attempt_limits, "BUCKETS", 4)
    for number in range(30):
        Client().post("/login/password/", {"login": f"invented{number}", "password": "x"})
    assert AttemptCounter.objects.count() <= 4 + 1  # of logins, and of the address


def test_a_challenge_without_a_session_counts_once_and_in_its_browser(client_of, alice, time_machine):
    device = Device()
    keep(client_of(alice), device)
    Session.objects.all().delete()
    browser = Client()
    answer = device.get(browser.post("/login/passkey/options/").json())
    assert not Session.objects.exists()
    stolen = browser.cookies.copy()
    assert Client().post("/login/passkey/", {"passkey": answer}).status_code == 422
    assert browser.post("/login/passkey/", {"passkey": answer}).status_code == 303
    replayed = Client()
    replayed.cookies = stolen
    assert replayed.post("/login/passkey/", {"passkey": answer}).status_code == 422
