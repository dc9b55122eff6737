"""Unknown outcomes: looked up, retried once if lost, else left to an administrator (security.md 5.1)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sms import tasks
from sms.gateways.twilio import TwilioGateway
from sms.models import Message
from sms.outbox.queue import cancel_messages
from sms.outbox.reconciliation import confirm_message, reconcile_unknown
from sms.tests.gateways.fake_twilio import ACCOUNT, fake_twilio


@pytest.fixture
def twilio(settings, monkeypatch):
    monkeypatch.setattr(TwilioGateway, "connect_seconds", 0.3)
    monkeypatch.setattr(TwilioGateway, "read_seconds", 0.3)
    with fake_twilio() as server:
        settings.TWILIO_BASE_URL = server.address
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, "token"
        settings.TWILIO_FROM = "+15005550006"
        settings.SMS_GATEWAY = "twilio"
        yield server


def unseen(twilio, queue, *, accepted: bool, **changes) -> Message:
    """Queue a message and lose the provider's answer."""
    twilio.say(status=503, accept=accepted)
    message = queue(**changes)
    tasks.deliver_messages()
    message.refresh_from_db()
    assert message.state == "unknown"
    return message


def later(message, seconds):
    """Move the message's times back, as if `seconds` had passed since its outcome became unknown."""
    at = timezone.now() - timedelta(seconds=seconds)
    Message.objects.filter(pk=message.pk).update(settled_at=at, next_attempt_at=timezone.now() - timedelta(seconds=1))
    reconcile_unknown()
    message.refresh_from_db()
    return message.state


def test_accepted_message_is_found_and_not_sent_again(twilio, queue):
    message = unseen(twilio, queue, accepted=True)
    assert later(message, 20) == "sent"
    assert (message.provider_id, message.encrypted, message.next_attempt_at) == ("SM" + "1" * 32, "", None)
    tasks.deliver_messages()
    assert len(twilio.requests) == 1


@pytest.mark.parametrize(
    ("status", "state"), [("delivered", "delivered"), ("undelivered", "undelivered"), ("queued", "sent")]
)
def test_status_in_the_list_is_applied(twilio, queue, status, state):
    message = unseen(twilio, queue, accepted=True)
    twilio.status = status
    assert later(message, 20) == state


def test_nothing_is_looked_up_before_its_time(twilio, queue):
    unseen(twilio, queue, accepted=True)
    assert reconcile_unknown() == 0


def test_message_missing_for_two_minutes_is_retried(twilio, queue):
    message = unseen(twilio, queue, accepted=False)
    assert later(message, 119) == "unknown"
    assert later(message, 121) == "retry_wait"
    assert message.retried_at
    tasks.deliver_messages()
    message.refresh_from_db()
    assert (message.state, message.encrypted) == ("sent", "")
    assert [form["Body"] for form in twilio.requests] == [twilio.ledger[0]["Body"]] * 2
    assert len(twilio.ledger) == 1


def test_missing_message_is_retried_once(twilio, queue):
    message = unseen(twilio, queue, accepted=False)
    later(message, 121)
    twilio.say(status=503, accept=False)
    tasks.deliver_messages()
    assert later(message, 121) == "unknown"
    assert (message.encrypted, message.next_attempt_at) == ("", None)
    assert reconcile_unknown() == 0
    assert len(twilio.requests) == 2


def test_lagging_list_causes_no_second_message(twilio, queue):
    message = unseen(twilio, queue, accepted=True)
    twilio.list_words = [{"lags": True}, {"lags": True}]
    assert [later(message, 20), later(message, 100), later(message, 119)] == ["unknown", "unknown", "sent"]
    assert len(twilio.ledger) == 1


def test_a_code_is_never_sent_again_and_keeps_no_secret(twilio, queue):
    message = unseen(twilio, queue, accepted=False, kind="code", template="code", secrets={"code": "123456"},
                     params={"enterprise": "示例", "minutes": "5", "serial": "07", "purpose": "login"})  # fmt: skip
    assert (message.encrypted, message.next_attempt_at) == ("", None)
    assert later(message, 500) == "unknown"
    assert len(twilio.requests) == 1


def test_a_decision_is_looked_up_and_not_sent_again(twilio, queue):
    link = {"link": "http://127.0.0.1:8000/a/x/"}
    message = unseen(twilio, queue, accepted=False, kind="decision", template="approved", secrets=link)
    assert later(message, 121) == "unknown"
    assert message.encrypted == ""


def test_revoked_link_is_not_sent_again(twilio, queue):
    message = unseen(twilio, queue, accepted=False)
    cancel_messages(purpose="invitation", subject=message.subject, reason="The member has joined.")
    assert later(message, 121) == "unknown"
    assert message.encrypted == ""
    tasks.deliver_messages()
    assert len(twilio.requests) == 1


def test_expired_message_is_not_sent_again(twilio, queue):
    message = unseen(twilio, queue, accepted=False)
    Message.objects.filter(pk=message.pk).update(expires_at=timezone.now())
    assert later(message, 121) == "unknown"


@pytest.mark.parametrize("word", [{"status": 500}, {"text": "garbage"}, {"status": 401}, {"status": 429}])
def test_unavailable_lookup_changes_nothing(twilio, queue, word):
    message = unseen(twilio, queue, accepted=False)
    twilio.list_words = [word, word]
    assert later(message, 121) == "unknown"
    assert message.encrypted
    assert later(message, 3601) == "unknown"
    assert message.encrypted == ""


def test_concurrent_lookups_make_one_request(twilio, queue, monkeypatch):
    message = unseen(twilio, queue, accepted=False)
    Message.objects.filter(pk=message.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    looks = []
    plain = TwilioGateway.look_up

    def look(self, *args):
        looks.append(args)
        reconcile_unknown()
        return plain(self, *args)

    monkeypatch.setattr(TwilioGateway, "look_up", look)
    reconcile_unknown()
    assert len(looks) == 1


def test_an_administrator_can_confirm_a_message(twilio, queue):
    message = unseen(twilio, queue, accepted=False)
    assert confirm_message(message.pk)
    assert not confirm_message(message.pk)
    message.refresh_from_db()
    assert (message.state, message.encrypted) == ("sent", "")


def test_reports_are_requested_with_https(twilio, queue, settings):
    settings.IS_HTTPS, settings.PUBLIC_URL = True, "https://mail.example.com"
    queue()
    tasks.deliver_messages()
    assert twilio.requests[0]["StatusCallback"] == "https://mail.example.com/hooks/twilio/status/"


def test_reports_are_not_requested_without_https(twilio, queue, settings):
    settings.IS_HTTPS = False
    queue()
    tasks.deliver_messages()
    assert "StatusCallback" not in twilio.requests[0]
