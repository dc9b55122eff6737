"""The log: one JSON object per line, without phones, codes, tokens and passwords."""

import io
import json
import logging
import sys

import pytest
import sentry_sdk
import structlog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from exmail_admin import logs
from exmail_admin.redaction import redact, redact_text

SECRETS = [
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "８６13800138000",
    "+8613800138000",
    "+86 138 0013 8000",
    "+14155552671",
    "+1 415 555 2671",
    "482913",
    "/i/q4xTo3bGz9sHqk2Lw0aZ8Q/",
    "/j/abcDEF123/",
    "/q/abcDEF123/scan/",
    "/a/abcDEF123/",
    "https://mail.example.com/i/q4xTo3bGz9sHqk2Lw0aZ8Q/",
    "/login/?next=%2Fi%2Fq4xTo3bGz9sHqk2Lw0aZ8Q%2F",
]


@pytest.fixture
def lines():
    """Return the logged lines as objects."""
    logs.configure()
    handler = logging.getLogger().handlers[-1]
    stream = io.StringIO()
    handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


def parts_of(secret):
    """Return the parts of a secret that must not appear."""
    digits = "".join(filter(str.isdecimal, secret))
    return [secret] if "/" in secret else [secret, digits[-8:]]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_reaches_the_log_in_any_place(lines, secret):
    log = logging.getLogger("test")
    log.warning("seen: %s.", secret)
    log.warning("seen: %(what)s", {"what": secret})
    structlog.get_logger("test").info("seen", what=secret, deep={"list": [(secret,)]}, raw=secret.encode())
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    text = json.dumps(lines(), ensure_ascii=False)
    assert len(lines()) == 4
    assert not [part for part in parts_of(secret) if part in text]


def test_what_tells_something_stays(lines):
    structlog.get_logger("test").info("request", ms=123456, status=200, route="i/<str:token>/", request_id="482913")
    [line] = lines()
    assert (line["ms"], line["status"], line["route"], line["request_id"]) == (123456, 200, "i/<str:token>/", "482913")
    assert redact_text("138****8000, order 1234567, 2026-11-22") == "138****8000, order 1234567, 2026-11-22"
    assert redact_text("/static/img/mark.svg /console/members/12/") == "/static/img/mark.svg /console/members/12/"


def test_some_names_hide_whatever_they_hold():
    assert redact({"password": "x", "code": "y", "auth_token": "z", "phone": "w", "empty_token": ""}) == {
        "password": "***",
        "code": "***",
        "auth_token": "***",
        "phone": "***",
        "empty_token": "",
    }


@given(st.text(), st.text())
def test_a_mobile_is_found_in_any_text(before, after):
    text = f"{before} 13912345678 {after}"
    assert "13912345678" not in redact_text(text)


def test_a_forged_line_stays_one_line(lines):
    logging.getLogger("test").warning("name %s", 'x\n{"event": "forged"}\r\n')
    assert len(lines()) == 1


@pytest.mark.django_db
def test_a_request_is_one_line_with_its_route_and_without_its_path(client, lines):
    answer = client.get("/i/q4xTo3bGz9sHqk2Lw0aZ8Q/?phone=13800138000")
    [line] = [line for line in lines() if line["event"] == "request"]
    assert line["method"] == "GET"
    assert line["route"] == "i/<str:token>/"
    assert line["status"] == answer.status_code
    assert line["request_id"] == answer["X-Request-ID"]
    assert "q4xTo3" not in json.dumps(lines())


@pytest.mark.django_db
def test_probes_and_static_files_are_quiet(client, lines):
    for path in ("/healthz", "/readyz", "/static/app.css", "/static/none.css"):
        client.get(path)
    assert lines() == []


class Caught(sentry_sdk.transport.Transport):
    """Collect what would be sent to Sentry."""

    sent = []

    def capture_envelope(self, envelope):
        self.sent.append(envelope.serialize().decode())


def test_sentry_gets_reports_without_secrets(lines, monkeypatch):
    start = sentry_sdk.init
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: start(**options, transport=Caught))
    logs.start_sentry("http://key@127.0.0.1:1/1")
    try:
        code, phone = "482913", "13800138000"
        raise ValueError(f"{code} for {phone}")
    except ValueError as error:
        sentry_sdk.capture_exception(error)
    finally:
        start()
    [report] = Caught.sent
    assert "ValueError" in report
    assert "482913" not in report
    assert "13800138000" not in report


def test_sentry_is_left_alone_without_a_dsn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)  # importing it would fail
    logs.start_sentry("")


@pytest.mark.parametrize("refusal", [PermissionDenied, SuspiciousOperation])
def test_refused_request_leaves_no_trace(lines, refusal):
    request = RequestFactory().get("/")

    def refuse(request):
        raise refusal("no")

    convert_exception_to_response(refuse)(request)
    assert len(lines()) == (refusal is SuspiciousOperation)
    assert all("exception" not in line and "exc_info" not in line for line in lines())
