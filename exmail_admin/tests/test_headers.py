"""security.md 6.1: the headers of every answer, and what a production is set to."""

import os
import re
import runpy
from unittest import mock

import pytest
from django.conf import UserSettingsHolder, global_settings
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from exmail_admin.tests.test_conventions import ROOT, routes

PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz",
    "PUBLIC_URL": "https://mail.example.com",
    "SMS_FILE_ALLOWED": "1",
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
}


def in_production(**more):
    """Return the settings as production computes them, with the variables `more` set too."""
    with mock.patch.dict(os.environ, PRODUCTION | more):
        computed = runpy.run_path(str(ROOT / "exmail_admin/settings.py"))
    production = UserSettingsHolder(global_settings)
    for name, value in computed.items():
        if name.isupper():
            setattr(production, name, value)
    return production


STRICT = {
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31536000,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_NAME": "__Host-session",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_NAME": "__Host-csrf",
    "CSRF_COOKIE_HTTPONLY": True,
    "CSRF_COOKIE_SAMESITE": "Lax",
    "ALLOWED_HOSTS": ["mail.example.com"],
    "DEBUG": False,
    "X_FRAME_OPTIONS": "DENY",
    "SECURE_REFERRER_POLICY": "same-origin",
    "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
    "SILENCED_SYSTEM_CHECKS": [],
    "LANGUAGE_COOKIE_SECURE": True,
    "ACCOUNTS_SECOND_FACTOR_REQUIRED": True,
    "ACCOUNTS_REAUTH_SECONDS": 600,
}


def test_a_production_is_strict():
    production = in_production()
    assert {name: getattr(production, name) for name in STRICT} == STRICT


WECHAT = {"WEIXIN_APP_ID": "wx1", "WEIXIN_APP_SECRET": "s"}


def form_action(production):
    return [str(source) for source in production.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"]]


def test_a_form_may_lead_to_wechat_only_where_it_is_configured():
    assert form_action(in_production()) == ["'self'"]
    assert form_action(in_production(**WECHAT)) == ["'self'", "https://open.weixin.qq.com"]


@pytest.mark.parametrize(
    ("given", "missing"), [("WEIXIN_APP_ID", "WEIXIN_APP_SECRET"), ("WEIXIN_APP_SECRET", "WEIXIN_APP_ID")]
)
def test_one_half_of_wechat_is_refused_at_the_start(given, missing):
    with pytest.raises(ImproperlyConfigured, match=f"{missing} is not set"):
        in_production(**{given: "x", missing: ""})


def has_all_headers(answer):
    """Whether the whole set is there."""
    policy = {part.strip() for part in answer["Content-Security-Policy"].split(";")}
    return (
        policy >= POLICY
        and "unsafe" not in answer["Content-Security-Policy"]
        and answer["X-Content-Type-Options"] == "nosniff"
        and answer["X-Frame-Options"] == "DENY"
        and answer["Referrer-Policy"] in {"same-origin", "no-referrer"}
        and answer["Cross-Origin-Opener-Policy"] == "same-origin"
        and answer["Permissions-Policy"]
        and "no-store" in answer["Cache-Control"]
        and answer["X-Request-ID"]
    )


@pytest.fixture(params=["nobody", "owner", "member"])
def browser(request, client, client_of, tenant, alice, lin):
    if request.param == "nobody":
        return client
    return (
        client_of(alice)
        if request.param == "owner"
        else client_of(lin.user, method="code", enterprise=tenant.enterprise)
    )


def arguments(pattern):
    """Any values that the path takes."""
    return {name: "A" * 43 if name == "token" else 1 for name in pattern.converters}


@pytest.mark.sqlite_only
def test_every_answer_of_every_route_carries_the_headers_and_no_inline_code(browser):
    for route, pattern in routes():
        path = reverse(route, kwargs=arguments(pattern.pattern))
        for method in ("GET", "POST", "PUT", "TRACE"):
            answer = browser.generic(method, path)
            assert answer.status_code < 500 or route == "exmail_admin:readyz"
            assert has_all_headers(answer), (route, method, answer.headers)
            assert not has_inline_code(answer), (route, method)


def has_inline_code(answer):
    """True for a page with style or script inside, which the policy forbids; a workbook is no page."""
    inline = r"<style|\sstyle=|<script(?![^>]*\bsrc=)|\son\w+=\"|javascript:"
    return "html" in answer.headers.get("Content-Type", "") and bool(re.search(inline, answer.content.decode()))


@pytest.mark.parametrize("path", ["/none/", "/i/none/", "/%00", "/console/members/9999999999999999999999/"])
def test_answers_of_errors_carry_them_too(client_of, alice, path):
    answer = client_of(alice).get(path)
    assert answer.status_code == 404
    assert has_all_headers(answer)


def test_a_failure_of_ours_shows_nothing_and_carries_them(db, monkeypatch):
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("exmail_admin.health.is_reachable", lambda check: 1 / 0)
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert has_all_headers(answer)
    assert "ZeroDivisionError" not in answer.content.decode()


def test_a_strange_host_is_refused_with_them(client, db):
    answer = client.get("/login/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert has_all_headers(answer)


@pytest.mark.sqlite_only
def test_a_form_without_token_is_refused_with_them(db):
    client = Client(enforce_csrf_checks=True)
    for route, pattern in routes():
        answer = client.post(reverse(route, kwargs=arguments(pattern.pattern)))
        assert answer.status_code in {403, 405} or answer.status_code == 302, route
        assert answer.status_code != 302 or "/login/" in answer["Location"], route
        assert has_all_headers(answer)


def test_plain_http_is_sent_to_https_where_that_is_the_address(client, settings, db):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31536000
    assert client.get("/login/")["Location"] == "https://testserver/login/"
    answer = client.get("/login/", secure=True)
    assert "max-age=31536000" in answer["Strict-Transport-Security"]


def test_trace_echoes_nothing(client, db):
    assert client.generic("TRACE", "/login/").status_code == 405


def test_uploads_are_bounded():
    assert django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE <= 2.5 * 1024 * 1024
    assert django_settings.DATA_UPLOAD_MAX_NUMBER_FIELDS <= 1000
