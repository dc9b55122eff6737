"""Requests whose body has no Content-Length."""

from __future__ import annotations

from django.test import Client


def test_chunked_body_is_refused_for_what_it_is(db):
    """A20: our server passes no such body on, so the form would look empty."""
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    for page in ("/login/", "/language/", "/hooks/twilio/status/", "/nowhere/"):
        answer = client.generic("POST", page, b"", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
        assert answer.status_code == 411, page
        assert "Content-Length" in answer.text, page


def test_post_without_any_body_is_no_chunked_one(db):
    assert Client(enforce_csrf_checks=True).generic("POST", "/login/", b"", CONTENT_LENGTH="").status_code == 403
