"""Delivery reports: signed, in any order, and possibly before the message's id is stored (security.md 5.2)."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.utils import timezone
from twilio.request_validator import RequestValidator

from sms.gateways import sent
from sms.models import DeliveryReport, Message
from sms.outbox.queue import claim_messages, record_outcomes
from sms.outbox.reports import record_report
from sms.retention import delete_expired_messages
from sms.tests.gateways.fake_twilio import ACCOUNT

PATH = "/hooks/twilio/status/"
SID = "SM" + "a" * 32
OTHER = "SM" + "b" * 32
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _twilio(settings):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, "token"
    settings.PUBLIC_URL = "https://mail.example.com"


@pytest.fixture
def message(queue):
    """Return a sent message whose provider id is known."""
    message = queue()
    Message.objects.filter(pk=message.pk).update(state="sent", provider_id=SID, encrypted="")
    return message


@pytest.fixture
def report(client):
    """Return a function that posts a report as Twilio does, or with a wrong `token`, `url` or `signature`."""

    def post(token="token", url=f"https://mail.example.com{PATH}", signature=None, body=None, **fields):
        form = {"AccountSid": ACCOUNT, "MessageSid": SID, "MessageStatus": "delivered", "To": "+8613800138000"} | fields
        signed = signature if signature is not None else RequestValidator(token).compute_signature(url, form)
        headers = {"X-Twilio-Signature": signed} if signed else {}
        data = (
            body
            if body is not None
            else "&".join(f"{name}={value}".replace("+", "%2B") for name, value in form.items())
        )
        return client.post(PATH, data, content_type=FORM, headers=headers)

    return post


def state_of(message):
    message.refresh_from_db()
    return message.state


def test_a_signed_report_moves_the_message(report, message):
    assert report().status_code == 200
    assert (state_of(message), message.provider_status) == ("delivered", "delivered")


def test_what_was_not_delivered_says_why(report, message):
    report(MessageStatus="undelivered", ErrorCode="30003")
    assert state_of(message) == "undelivered"
    assert message.reason == "The phone is turned off or out of range."
    assert "30999" in _reason_of(report, message, "30999")


def _reason_of(report, message, code):
    Message.objects.filter(pk=message.pk).update(state="sent", provider_status="")
    report(MessageStatus="failed", ErrorCode=code)
    message.refresh_from_db()
    return message.reason


@pytest.mark.parametrize("order", list(itertools.permutations(["queued", "sending", "sent", "delivered"])))
def test_final_status_stays_in_any_order_of_reports(message, order):
    for status in order:
        record_report(SID, status)
        record_report(SID, status)
    assert (state_of(message), message.provider_status) == ("delivered", "delivered")


@pytest.mark.parametrize(
    ("first", "second"), [("delivered", "undelivered"), ("failed", "delivered"), ("delivered", "wound")]
)
def test_first_final_status_stays(report, message, first, second):
    report(MessageStatus=first)
    before = state_of(message)
    assert report(MessageStatus=second, ErrorCode="30003").status_code == 200
    assert (state_of(message), message.provider_status) == (before, first)


def test_progress_only_moves_forward(report, message):
    report(MessageStatus="sent")
    assert report(MessageStatus="queued").status_code == 200
    assert (state_of(message), message.provider_status) == ("sent", "sent")


def test_unknown_status_is_stored(report, message):
    assert report(MessageStatus="partially_delivered").status_code == 200
    assert (state_of(message), message.provider_status) == ("sent", "partially_delivered")
    report(MessageStatus="delivered")
    assert state_of(message) == "delivered"


@pytest.mark.parametrize("state", ["pending", "cancelled", "rejected", "unknown", "expired"])
def test_only_sent_messages_change(report, message, state):
    Message.objects.filter(pk=message.pk).update(state=state)
    assert report().status_code == 200
    assert state_of(message) == state


def test_early_report_is_applied_once_the_id_is_stored(report, queue, gateway):
    message = queue()
    claim = claim_messages("invitation", "scripted", limit=1)
    for status in ("sent", "delivered", "queued"):
        assert report(MessageStatus=status).status_code == 200
    assert DeliveryReport.objects.get().status == "delivered"
    record_outcomes([(claim.messages[0], sent(SID))])
    assert state_of(message) == "delivered"
    assert not DeliveryReport.objects.exists()


def test_id_stored_between_lookup_and_storing_a_report_is_found(queue, monkeypatch):
    from sms.outbox import reports as delivery_reports

    message, store = queue(), delivery_reports._store

    def store_late(*args):
        Message.objects.filter(pk=message.pk).update(state="sent", provider_id=SID)
        store(*args)

    monkeypatch.setattr(delivery_reports, "_store", store_late)
    record_report(SID, "delivered")
    assert state_of(message) == "delivered"
    assert not DeliveryReport.objects.exists()


def test_unclaimed_reports_are_deleted_after_a_day(report, db):
    report(MessageSid=OTHER)
    delete_expired_messages()
    assert DeliveryReport.objects.count() == 1
    DeliveryReport.objects.update(received_at=timezone.now() - timedelta(hours=24, seconds=1))
    delete_expired_messages()
    assert not DeliveryReport.objects.exists()


# --- who is believed


def test_a_forged_signature_is_refused(report, message):
    assert report(token="another").status_code == 403
    assert report(signature="").status_code == 403
    assert report(signature="x" * 5000).status_code == 403
    assert report(signature="é").status_code == 403
    assert state_of(message) == "sent"


def test_the_address_is_ours_not_the_host_headers(report, message):
    assert report(url=f"http://testserver{PATH}").status_code == 403
    assert report(url=f"https://evil.example{PATH}").status_code == 403


def test_without_a_token_every_report_is_refused(report, message, settings):
    settings.TWILIO_AUTH_TOKEN = ""
    assert report(token="").status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"AccountSid": "AC" + "9" * 32},
        {"AccountSid": ""},
        {"MessageSid": "SM1"},
        {"MessageSid": "XX" + "a" * 32},
        {"MessageSid": ""},
        {"MessageStatus": ""},
        {"MessageStatus": "delivered<script>"},
        {"MessageStatus": "d" * 33},
        {"ErrorCode": "12a"},
        {"ErrorCode": "١٢"},
    ],
)
def test_signed_report_with_invalid_fields_is_refused(report, message, fields):
    assert report(**fields).status_code == 403
    assert state_of(message) == "sent"


def test_signed_report_with_a_repeated_field_is_refused(client, message):
    """The library signs doubled values once."""
    form = {"AccountSid": ACCOUNT, "MessageSid": SID, "MessageStatus": "delivered"}
    signature = RequestValidator("token").compute_signature(f"https://mail.example.com{PATH}", form)
    body = "&".join(f"{name}={value}" for name, value in [*form.items(), ("MessageStatus", "delivered")])
    answer = client.post(PATH, body, content_type=FORM, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 403


def test_report_split_differently_into_names_and_values_is_refused(client, message):
    """The signature concatenates names and values, so a signed report must not be read as another one."""
    form = {"AccountSid": ACCOUNT, "MessageSid": OTHER, "MessageStatus": "delivered"}
    signature = RequestValidator("token").compute_signature(f"https://mail.example.com{PATH}", form)
    run_together = {"AccountSid": f"{ACCOUNT}MessageSid{OTHER}", "MessageStatus": "delivered"}
    body = "&".join(f"{name}={value}" for name, value in run_together.items())
    assert client.post(PATH, body, content_type=FORM, headers={"X-Twilio-Signature": signature}).status_code == 403


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain", ""])
def test_another_kind_of_body_is_refused(client, message, kind):
    answer = client.generic("POST", PATH, b'{"MessageSid": 1}', content_type=kind, headers={"X-Twilio-Signature": "x"})
    assert answer.status_code == 403


def test_a_long_body_is_refused_unread(report, message):
    assert report(Padding="x" * (16 * 1024)).status_code == 403
    assert report(Padding="x" * (15 * 1024)).status_code == 200


def test_it_takes_posts_only_and_asks_for_no_cookie(client, message):
    assert client.get(PATH).status_code == 405
    assert client.put(PATH).status_code == 405


def test_replays_change_nothing(report, message):
    for _time in range(5):
        assert report().status_code == 200
    assert state_of(message) == "delivered"
    assert not DeliveryReport.objects.exists()
