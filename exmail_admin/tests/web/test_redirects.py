"""Redirects to a `next` that a stranger chose stay on this host, whatever it holds, and never break."""

from __future__ import annotations

import re

from django.test import Client

from conftest import PASSWORD

# What a header, a URL parser or a browser reads differently from a path.
HOSTILE = [
    "/\r\nX-Injected: 1",
    "/a\nb",
    "/\x00/",
    "/\u2028/",
    "/\u00a0/",
    "/\ud7ff\uffff/",
    "//evil.example/",
    "/\\evil.example/",
    "/\t/evil.example/",
    "/\r/evil.example/",
    "///evil.example",
    "\\\\evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "javascript:alert(1)",
    " /console/",
    "/a:b",
    "/[",
    "//[",
    "/" + "x" * 100_000,
    "/?" + "\u5f20" * 5_000,
]


def leads_inside(location: str) -> bool:
    """True if the location is a path of this host in printable ASCII, also as a browser reads it."""
    return bool(re.fullmatch(r"/(?![/\\])[!-~]*", location)) and len(location) < 8000


def test_language_and_theme_lead_back_inside(db):
    client = Client()
    for next_page in HOSTILE:
        for page in ("/language/", "/theme/"):
            answer = client.post(page, {"next": next_page, "language": "en", "theme": "dark"})
            assert answer.status_code == 303, (page, next_page[:30])
            assert leads_inside(answer["Location"]), (page, next_page[:30])
            assert answer.cookies


def test_language_leads_back_to_the_page_with_its_filters(db):
    answer = Client().post("/language/", {"next": "/console/members/?q=%E5%BC%A0&size=50", "language": "en"})
    assert answer["Location"] == "/console/members/?q=%E5%BC%A0&size=50"


def test_signing_in_and_confirming_lead_inside(alice, client_of, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    for next_page in HOSTILE:
        fields = {"login": "alice", "password": PASSWORD, "proof": PASSWORD, "next": next_page}
        signed_in = Client().post("/login/password/", fields)
        confirmed = client_of(alice).post("/confirm/", fields)
        for answer in (signed_in, confirmed):
            assert answer.status_code in {302, 303}, next_page[:30]
            assert leads_inside(answer["Location"]), next_page[:30]
