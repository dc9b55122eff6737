"""A gateway that fails: messages wait until it responds again, and nobody else waits with them (A9, A21)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from sms import tasks
from sms.gateways import rejected, retry, sent, unknown
from sms.gateways.twilio import TwilioGateway
from sms.models import GatewayHealth, Message
from sms.outbox.delivery import deliver_messages
from sms.outbox.queue import expire_messages
from sms.outbox.reconciliation import reconcile_unknown
from sms.tests.gateways.fake_twilio import ACCOUNT, fake_twilio

pytestmark = pytest.mark.django_db
KINDS = ["code", "decision", "invitation"]
REFUSED = retry("The gateway refuses connections.")
SILENT = unknown("The gateway did not answer.")


def pass_time(seconds: float) -> None:
    """Move the failures and the next probe of all gateways into the past."""
    for health in GatewayHealth.objects.all():
        health.failed_at = [at - seconds for at in health.failed_at]
        if health.next_probe_at:
            health.next_probe_at -= timedelta(seconds=seconds)
        health.save()


def make_due() -> None:
    Message.objects.filter(state="retry_wait").update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def fail(times: int, gateway, outcome=REFUSED) -> None:
    """Let the gateway fail one message at a time."""
    gateway.answers = [outcome] * times
    for _ in range(times):
        make_due()
        deliver_messages(KINDS)
    assert gateway.answers == []


def handed_over(gateway) -> int:
    """Return how many messages another run hands over."""
    before = len(gateway.outgoing)
    make_due()
    deliver_messages(KINDS)
    return len(gateway.outgoing) - before


def states() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("outcome", [REFUSED, SILENT])
def test_the_fifth_failure_stops_the_hand_over(queue, gateway, outcome):
    for _ in range(10):
        queue()
    fail(4, gateway, outcome)
    gateway.answers = [outcome]
    assert handed_over(gateway) == 1
    assert handed_over(gateway) == 0


@pytest.mark.parametrize(("seconds", "still_sends"), [(29, False), (31, True)])
def test_only_failures_within_thirty_seconds_count(queue, gateway, seconds, still_sends):
    for _ in range(10):
        queue()
    fail(4, gateway)
    pass_time(seconds)
    fail(1, gateway)
    assert bool(handed_over(gateway)) is still_sends


def test_a_response_in_between_starts_the_count_again(queue, gateway):
    for response in (sent("SM1"), rejected("No such number.")):
        for _ in range(10):
            queue()
        fail(4, gateway)
        gateway.answers = [response, REFUSED]
        deliver_messages(KINDS)
        fail(3, gateway)
        assert handed_over(gateway) > 0


def test_slowing_down_is_no_failure(queue, gateway):
    for _ in range(3):
        queue()
    fail(6, gateway, retry("Slow down.", after=1))
    assert handed_over(gateway) == 3


def test_one_message_probes_the_gateway_each_fifteen_seconds(queue, gateway):
    for _ in range(3):
        queue()
    fail(5, gateway)
    pass_time(14)
    assert handed_over(gateway) == 0
    gateway.answers = [REFUSED]
    pass_time(1)
    assert handed_over(gateway) == 1
    assert handed_over(gateway) == 0
    pass_time(15)
    assert handed_over(gateway) == 3
    assert states() == ["sent"] * 3


def test_a_probe_that_is_not_needed_is_kept_for_the_next_message(queue, gateway):
    queue()
    fail(5, gateway)
    Message.objects.all().delete()
    pass_time(15)
    assert handed_over(gateway) == 0
    queue()
    assert handed_over(gateway) == 1


def test_what_never_left_waits_until_its_own_life_is_over(queue, gateway):
    """A21: a message is never rejected because the provider could not be reached."""
    code = queue(kind="code", purpose="code", subject="login:1", expires_at=timezone.now() + timedelta(seconds=300))
    invitation = queue(expires_at=timezone.now() + timedelta(days=7))
    decision = queue(kind="decision", purpose="decision", subject="application:1")
    for _ in range(60):
        gateway.answers = [REFUSED]
        pass_time(15)
        handed_over(gateway)
    assert set(states()) <= {"pending", "retry_wait"}
    Message.objects.filter(pk__in=[code.pk, invitation.pk]).update(expires_at=timezone.now() - timedelta(seconds=1))
    Message.objects.filter(pk=decision.pk).update(created_at=timezone.now() - timedelta(days=8), expires_at=None)
    Message.objects.filter(pk=decision.pk).update(expires_at=F("created_at") + timedelta(days=7))
    expire_messages()
    assert states() == ["expired"] * 3


def test_a_message_without_a_lifetime_gets_one(queue):
    """Otherwise one to a provider that is gone would wait forever."""
    message = queue()
    assert message.expires_at is not None
    assert timedelta(days=6.9) < message.expires_at - timezone.now() <= timedelta(days=7)


@pytest.fixture
def twilio(settings, monkeypatch):
    """Run a fake Twilio, beside the file gateway, that is given up after half a second."""
    monkeypatch.setattr(TwilioGateway, "read_seconds", 0.5)
    with fake_twilio() as server:
        settings.TWILIO_BASE_URL = server.address
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, "token"
        settings.TWILIO_FROM = "+15005550006"
        settings.SMS_GATEWAY = "twilio"
        yield server


def queue_codes(queue, count: int, **more) -> None:
    for _ in range(count):
        number = Message.objects.count()
        queue(
            kind="code",
            purpose="code",
            subject=f"login:{number}",
            template="code",
            params={"enterprise": "", "purpose": "login", "minutes": "5", "serial": "07"},
            secrets={"code": "012345"},
            expires_at=timezone.now() + timedelta(seconds=300),
            **more,
        )


def test_codes_to_a_silent_provider_time_out_together_and_the_rest_waits(queue, twilio):
    """A9: the 20th code went after 200 of its 300 seconds; now it leaves with the first probe that is answered."""
    for _ in range(10):
        twilio.say(delay=0.8, accept=False)
    queue_codes(queue, 20)
    tasks.deliver_codes()
    tasks.deliver_codes()
    # One after another, no more than two would overlap, as the fake outlasts the gateway's patience.
    assert twilio.most_at_once >= 5
    assert sorted(states()) == ["pending"] * 10 + ["unknown"] * 10
    pass_time(15)
    tasks.deliver_codes()
    assert sorted(states()) == ["sent"] * 10 + ["unknown"] * 10
    assert len(twilio.ledger) == 10


def test_a_silent_provider_holds_up_no_other_gateway(queue, twilio, enterprise, settings):
    settings.SMS_GATEWAYS = dict(reversed(settings.SMS_GATEWAYS.items()))
    for _ in range(10):
        twilio.say(delay=0.8)
    queue_codes(queue, 5)
    enterprise.is_demo = True
    queue_codes(queue, 1, enterprise=enterprise)
    tasks.deliver_codes()
    settled = dict(Message.objects.order_by("-settled_at").values_list("gateway", "settled_at"))
    assert settled["file"] < settled["twilio"]


def test_nothing_is_looked_up_at_a_provider_that_does_not_answer(queue, twilio):
    """Otherwise 20 lookups hold the sweeps for minutes."""
    for _ in range(6):
        queue()
    Message.objects.update(
        state="unknown", next_attempt_at=timezone.now() - timedelta(seconds=1), settled_at=timezone.now()
    )
    twilio.list_words = [{"status": 500}] * 20
    for _ in range(8):
        reconcile_unknown()
        Message.objects.filter(next_attempt_at__gt=timezone.now()).update(
            next_attempt_at=timezone.now() - timedelta(seconds=1)
        )
    assert len(twilio.list_words) == 15
