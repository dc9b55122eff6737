"""A message from queued to sent, and the outbox's handling of failures (security.md 5.2)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.encryption import decrypt
from sms import tasks
from sms.gateways import rejected, retry, sent, unknown
from sms.models import GatewayHealth, Message
from sms.outbox.delivery import deliver_messages, recover_abandoned
from sms.outbox.queue import (
    MessageRequest,
    attempt_id,
    cancel_messages,
    claim_messages,
    expire_messages,
    latest_messages,
    queue_messages,
    record_outcomes,
)

pytestmark = pytest.mark.django_db
KINDS = ["code", "decision", "invitation"]


def lines(settings) -> list[dict]:
    path = Path(settings.SMS_FILE)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def abandon(message: Message) -> None:
    """Expire the lease, as after a killed worker."""
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(minutes=5))


def test_queued_message_is_sent_as_one_line(queue, settings):
    message = queue()
    assert deliver_messages(KINDS) is False
    (line,) = lines(settings)
    assert line.keys() == {"id", "to", "kind", "text", "at"}
    assert line["to"] == message.to
    assert line["kind"] == "invitation"
    assert line["text"].endswith("http://127.0.0.1:8000/i/token1/")
    message.refresh_from_db()
    assert message.state == "sent"
    assert message.attempts == 1


def test_secrets_are_encrypted_until_the_end_and_masked_in_the_text(queue):
    message = queue()
    assert "token" not in message.text
    assert "token" not in message.encrypted
    assert decrypt(message.encrypted) == {"link": "http://127.0.0.1:8000/i/token1/"}
    deliver_messages(KINDS)
    message.refresh_from_db()
    assert message.encrypted == ""


@pytest.mark.parametrize("outcome", [sent("SM9"), rejected("No."), unknown("Perhaps.")])
def test_each_end_state_erases_the_secrets_in_its_statement(queue, gateway, outcome, django_assert_num_queries):
    message = queue()
    claim = claim_messages("invitation", "scripted", limit=1)
    # Of one that the provider took, reports may have come already: they are looked for.
    with django_assert_num_queries(2 if outcome.provider_id else 1):
        record_outcomes([(claim.messages[0], outcome)])
    message.refresh_from_db()
    assert (message.state, message.encrypted, message.reason) == (outcome.state, "", outcome.reason)
    assert message.settled_at


def test_message_of_a_demo_enterprise_goes_to_the_file_whatever_is_set(queue, gateway, enterprise):
    assert queue(enterprise=enterprise).gateway == "scripted"
    enterprise.is_demo = True
    assert queue(enterprise=enterprise).gateway == "file"
    assert queue().gateway == "scripted"


def test_message_is_numbered_within_its_subject(queue):
    assert [queue(subject="member:7").logical_no for _ in range(3)] == [1, 2, 3]
    twin = Message.objects.latest("pk")
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


@pytest.mark.parametrize("many", [1, 30])
def test_many_messages_are_queued_with_the_statements_of_one(django_assert_num_queries, many):
    requests = [
        MessageRequest(
            enterprise=None,
            kind="invitation",
            purpose="invitation",
            subject=f"member:{number}",
            to=f"+86138{number:08}",
            template="invitation",
            params={"enterprise": "示例科技", "name": "王芳", "days": "7"},
            secrets={"link": "http://127.0.0.1:8000/i/token/"},
        )
        for number in range(many)
    ]
    with django_assert_num_queries(2):
        assert len(queue_messages(requests)) == many


def test_newest_message_of_each_subject_is_found_in_one_query(queue, django_assert_num_queries):
    queue(subject="member:1")
    newer, other = queue(subject="member:1"), queue(subject="member:2")
    with django_assert_num_queries(1):
        found = latest_messages("invitation", ["member:1", "member:2", "member:3"])
    assert found == {"member:1": newer, "member:2": other}


def test_cancelled_message_is_never_claimed(queue, settings):
    message = queue()
    assert cancel_messages(purpose="invitation", subject=message.subject, reason="Joined.") == 1
    assert cancel_messages(purpose="invitation", subject=message.subject, reason="Joined.") == 0
    deliver_messages(KINDS)
    message.refresh_from_db()
    assert (message.state, message.reason, message.encrypted) == ("cancelled", "Joined.", "")
    assert lines(settings) == []


def test_claimed_message_can_not_be_cancelled(queue):
    message = queue()
    claim_messages("invitation", "file", limit=1)
    assert cancel_messages(purpose="invitation", subject=message.subject, reason="Joined.") == 0


@pytest.mark.parametrize(("seconds", "state"), [(-1, "expired"), (0, "expired"), (5, "sent")])
def test_expired_code_is_never_sent(queue, seconds, state):
    message = queue(expires_at=timezone.now() + timedelta(seconds=seconds))
    deliver_messages(KINDS)
    expire_messages()
    message.refresh_from_db()
    assert (message.state, message.encrypted) == (state, "")


@pytest.mark.parametrize("minutes", [-60, -6, 6, 60])
def test_a_worker_with_a_wrong_clock_delivers_all_the_same(queue, gateway, time_machine, minutes):
    """A15: expiry and retries follow the database's clock."""
    code = queue(kind="code", purpose="code", subject="login:1", expires_at=timezone.now() + timedelta(seconds=300))
    expired = queue(kind="code", purpose="code", subject="login:2", expires_at=timezone.now() - timedelta(seconds=1))
    later = queue(expires_at=timezone.now() + timedelta(days=7))
    Message.objects.filter(pk=later.pk).update(
        next_attempt_at=timezone.now() + timedelta(minutes=1), state="retry_wait"
    )
    time_machine.move_to(timezone.now() + timedelta(minutes=minutes))
    gateway.answers = [retry("Busy.")]
    tasks.sweep_outbox()
    tasks.deliver_messages()
    code.refresh_from_db()
    assert code.state == "retry_wait"
    Message.objects.filter(pk=code.pk).update(next_attempt_at=code.next_attempt_at - timedelta(seconds=1.2))
    tasks.deliver_messages()
    states = {message.pk: message.state for message in Message.objects.all()}
    assert states == {code.pk: "sent", expired.pk: "expired", later.pk: "retry_wait"}


def test_message_is_claimed_once(queue):
    queue()
    assert len(claim_messages("invitation", "file", limit=10).messages) == 1
    assert claim_messages("invitation", "file", limit=10).messages == []


def test_codes_are_sent_before_other_messages(queue, gateway):
    for _ in range(3):
        queue()
    queue(kind="code", purpose="code", subject="login:1")
    deliver_messages(KINDS)
    assert [outgoing.kind for outgoing in gateway.outgoing] == ["code", "invitation", "invitation", "invitation"]


def test_run_stops_at_its_limit_and_reports_more(queue, gateway, monkeypatch):
    monkeypatch.setattr("sms.outbox.delivery.RUN_MESSAGES", 2)
    for _ in range(3):
        queue()
    assert deliver_messages(KINDS) is True
    assert len(gateway.outgoing) == 2
    assert deliver_messages(KINDS) is False


def test_repeated_wake_ups_send_a_message_once(queue, settings):
    queue()
    for _ in range(10):
        tasks.deliver_codes()
        tasks.deliver_messages()
        tasks.sweep_outbox()
    assert len(lines(settings)) == 1


def test_retries_back_off_and_never_give_up(queue, gateway):
    message = queue()
    waits = []
    gateway.answers = [retry("Busy.")] * 9
    while gateway.answers:
        before = timezone.now()
        deliver_messages(KINDS)
        message.refresh_from_db()
        assert message.encrypted
        waits.append((message.next_attempt_at - before).total_seconds())
        Message.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        GatewayHealth.objects.all().delete()  # the breaker stays closed
    for wait, seconds in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert 0.89 * seconds <= wait <= 1.2 * seconds
    assert (message.state, message.reason, message.attempts) == ("retry_wait", "Busy.", 9)


def test_message_is_not_retried_before_its_time(queue, gateway):
    message = queue()
    gateway.answers = [retry("Busy.", after=30)]
    deliver_messages(KINDS)
    assert deliver_messages(KINDS) is False
    assert len(gateway.outgoing) == 1
    message.refresh_from_db()
    assert 29 < (message.next_attempt_at - timezone.now()).total_seconds() <= 30


def test_code_whose_next_try_would_come_too_late_expires(queue, gateway):
    message = queue(expires_at=timezone.now() + timedelta(seconds=20))
    gateway.answers = [retry("Busy.", after=30)]
    deliver_messages(KINDS)
    message.refresh_from_db()
    assert (message.state, message.encrypted) == ("expired", "")


def test_unknown_message_is_not_retried(queue, gateway):
    message = queue(kind="code", purpose="code")
    gateway.answers = [unknown("No answer.")]
    tasks.deliver_codes()
    for _ in range(3):
        tasks.sweep_outbox()
        tasks.deliver_codes()
    message.refresh_from_db()
    assert message.state == "unknown"
    assert len(gateway.outgoing) == 1


def test_a_killed_worker_leaves_an_unknown_message(queue, gateway):
    message = queue()
    claim_messages("invitation", "scripted", limit=1)
    assert recover_abandoned() == 0
    abandon(message)
    assert recover_abandoned() == 1
    message.refresh_from_db()
    assert (message.state, message.encrypted) == ("unknown", "")


def test_killed_worker_before_the_file_leaves_a_message_that_is_sent_once(queue, settings):
    message = queue()
    claim_messages("invitation", "file", limit=1)
    abandon(message)
    tasks.sweep_outbox()
    tasks.deliver_messages()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sent", 2)
    assert len(lines(settings)) == 1


def test_killed_worker_after_the_file_leaves_a_message_that_is_not_sent_again(queue, settings, monkeypatch):
    message = queue()
    with monkeypatch.context() as patch:
        patch.setattr("sms.outbox.delivery.record_outcomes", lambda outcomes: None)
        tasks.deliver_messages()
    message.refresh_from_db()
    assert message.state == "claimed"
    assert [line["id"] for line in lines(settings)] == [attempt_id(message)]
    abandon(message)
    tasks.sweep_outbox()
    tasks.deliver_messages()
    message.refresh_from_db()
    assert message.state == "sent"
    assert len(lines(settings)) == 1


def test_outcome_after_the_lease_replaces_an_unknown_one(queue, gateway):
    message = queue()
    claim = claim_messages("invitation", "scripted", limit=1)
    abandon(message)
    recover_abandoned()
    record_outcomes([(claim.messages[0], sent("SM2"))])
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("sent", "SM2")


def test_outcome_of_an_older_claim_changes_nothing(queue, settings):
    message = queue()
    late = claim_messages("invitation", "file", limit=1)
    abandon(message)
    recover_abandoned()
    claim_messages("invitation", "file", limit=1)
    record_outcomes([(late.messages[0], rejected("Too late."))])
    message.refresh_from_db()
    assert message.state == "claimed"


def test_message_encrypted_with_another_key_is_rejected_and_blocks_no_other(queue, settings):
    broken, good = queue(), queue()
    Message.objects.filter(pk=broken.pk).update(encrypted="gAAAAA")
    deliver_messages(KINDS)
    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.state, good.state) == ("rejected", "sent")


def test_fallback_key_still_decrypts(queue, settings):
    message = queue()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key of this deployment"
    deliver_messages(KINDS)
    message.refresh_from_db()
    assert message.state == "sent"


def test_reason_is_shown_in_the_readers_language_with_the_providers_number():
    assert Message(reason="").reason_text == ""
    assert Message(reason="Twilio rejected the SMS. (30999)").reason_text.endswith(" (30999)")
