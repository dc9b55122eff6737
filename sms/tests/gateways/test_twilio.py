"""Each of Twilio's answers is sorted into sent, rejected, retry or unknown (security.md 0.7, 5.2, 5.3)."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from sms import tasks
from sms.gateways import OutgoingSms
from sms.gateways.twilio import TwilioGateway
from sms.models import Message
from sms.tests.gateways.fake_twilio import ACCOUNT, fake_twilio

OUTGOING = OutgoingSms("id", "+8613800138000", "invitation", "您好", "invitation", {})


@pytest.fixture
def twilio(settings):
    """Run a fake Twilio and configure the gateway for it."""
    with fake_twilio() as server:
        settings.TWILIO_BASE_URL = server.address
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, "token"
        settings.TWILIO_FROM = "+15005550006"
        settings.SMS_GATEWAY = "twilio"
        yield server


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(TwilioGateway, "connect_seconds", 0.3)
    monkeypatch.setattr(TwilioGateway, "read_seconds", 0.3)


def send(outgoing: OutgoingSms = OUTGOING):
    (outcome,) = TwilioGateway().send([outgoing], until=time.monotonic() + 60)
    return outcome


def test_accepted_message_is_sent_with_twilios_id(twilio):
    outcome = send()
    assert (outcome.state, outcome.provider_id) == ("sent", "SM" + "1" * 32)
    assert twilio.ledger == [{"To": "+8613800138000", "Body": "您好", "From": "+15005550006"}]
    assert twilio.paths == [f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"]


def test_code_has_a_validity_period(twilio):
    send(OutgoingSms("id", "+8613800138000", "code", "123456", "code", {}))
    assert twilio.ledger[0]["ValidityPeriod"] == "300"


def test_messaging_service_sends_where_one_is_set(twilio, settings):
    settings.TWILIO_MESSAGING_SERVICE_SID = "MG1"
    send()
    assert twilio.ledger[0]["MessagingServiceSid"] == "MG1"
    assert "From" not in twilio.ledger[0]


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ({"status": 429, "code": 20429}, "retry_wait"),
        ({"status": 429, "text": "<html>slow down"}, "retry_wait"),
        ({"status": 400, "code": 21211}, "rejected"),
        ({"status": 400, "code": 21610}, "rejected"),
        ({"status": 400, "code": 21408}, "rejected"),
        ({"status": 400, "code": 30999}, "rejected"),
        ({"status": 401, "code": 20003}, "rejected"),
        ({"status": 404, "text": "nothing here"}, "rejected"),
        ({"status": 408}, "unknown"),
        ({"status": 500}, "unknown"),
        ({"status": 502, "text": "<html>bad gateway"}, "unknown"),
        ({"status": 503, "accept": True}, "unknown"),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "unknown"),
        ({"text": "garbage"}, "unknown"),
        ({"text": "[]"}, "unknown"),
        ({"text": "null"}, "unknown"),
        ({"text": '"SM1"'}, "unknown"),
        ({"text": "{}"}, "unknown"),
        ({"json": {"sid": "SM1", "account_sid": "AC" + "9" * 32}}, "unknown"),
        ({"json": {"sid": "XX1", "account_sid": ACCOUNT}}, "unknown"),
        ({"reset": "before an answer"}, "unknown"),
        ({"reset": "in the middle"}, "unknown"),
        ({"delay": 0.6}, "unknown"),
    ],
)
def test_each_response_has_an_outcome(twilio, how, state):
    twilio.say(**how)
    outcome = send()
    assert outcome.state == state
    assert len(twilio.requests) == 1
    assert outcome.reason


def test_reason_is_in_words_and_an_unknown_one_keeps_its_number(twilio):
    twilio.say(status=400, code=21610)
    twilio.say(status=400, code=30999)
    assert send().reason == "The recipient has opted out of our SMS."
    assert send().reason == "Twilio rejected the SMS. (30999)"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_honoured(twilio, header, seconds):
    twilio.say(status=429, headers=header)
    after = send().retry_after
    assert after == seconds


def test_retry_after_may_be_a_date(twilio):
    twilio.say(status=429, headers={"Retry-After": format_datetime(timezone.now() + timedelta(hours=1))})
    assert send().retry_after == pytest.approx(3600, abs=30)


def test_refused_connection_is_retried(twilio, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.TWILIO_BASE_URL = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert send().state == "retry_wait"


@pytest.mark.parametrize("address", ["http://nowhere.invalid", "nonsense", "http://"])
def test_unreachable_address_is_retried(twilio, settings, address):
    settings.TWILIO_BASE_URL = address
    assert send().state == "retry_wait"


def test_failed_tls_handshake_is_retried(twilio, settings):
    settings.TWILIO_BASE_URL = twilio.address.replace("http:", "https:")
    assert send().state == "retry_wait"
    assert twilio.ledger == []


def test_nothing_is_begun_when_the_lease_is_nearly_over(twilio):
    (outcome,) = TwilioGateway().send([OUTGOING], until=time.monotonic() + 0.5)
    assert outcome.state == "retry_wait"
    assert twilio.requests == []


def test_without_credentials_messages_wait(settings):
    settings.TWILIO_ACCOUNT_SID = ""
    assert send().state == "retry_wait"


@pytest.mark.django_db
def test_with_many_errors_each_message_is_accepted_once_or_has_a_reason(twilio, queue):
    twilio.say(status=429, headers={"Retry-After": "0"})
    twilio.say(status=400, code=21211)
    twilio.say(status=500, accept=True)
    twilio.say(reset="before an answer", accept=True)
    messages = [queue() for _ in range(6)]
    for _ in range(9):
        tasks.deliver_messages()
        tasks.sweep_outbox()
    states = [Message.objects.get(pk=message.pk).state for message in messages]
    assert sorted(states) == ["rejected", "sent", "sent", "sent", "unknown", "unknown"]
    phones = [entry["To"] for entry in twilio.ledger]
    assert len(phones) == len(set(phones)) == 5


@pytest.mark.django_db
def test_outage_costs_one_attempt_per_run(twilio, queue):
    for _ in range(3):
        twilio.say(status=500)
    for _ in range(5):
        queue()
    tasks.deliver_messages()
    assert len(twilio.requests) == 1
    for _ in range(3):
        tasks.deliver_messages()
    assert sorted(Message.objects.values_list("state", flat=True)) == ["sent", "sent", "unknown", "unknown", "unknown"]
