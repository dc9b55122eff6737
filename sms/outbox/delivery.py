"""Deliver messages: claim them, hand them to a gateway, record the outcomes; and recover what killed workers left."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings
from django.utils.translation import gettext_noop as _

from core.encryption import DecryptionFailed, decrypt
from sms.gateways import Gateway, LookupUnavailable, Outcome, OutgoingSms, open_gateway, rejected, retry, sent, unknown
from sms.models import Message
from sms.outbox.queue import Claim, abandoned_messages, attempt_id, claim_messages, record_outcomes
from sms.outbox.texts import render_text

# Limits of one task; the rest is left to the next one.
RUN_SECONDS = 10.0
RUN_MESSAGES = 1000
FAILING = {Message.State.RETRY_WAIT, Message.State.UNKNOWN}


def deliver_messages(kinds: Sequence[str]) -> bool:
    """Deliver due messages in the order of `kinds`. Return True if a limit was reached, so that more may be due.

    A temporary failure ends the run, so that an outage costs an attempt of one batch and not of all due messages.
    """
    gateways = {name: open_gateway(name) for name in settings.SMS_GATEWAYS}
    deadline, handed_over = time.monotonic() + RUN_SECONDS, 0
    while handed_over < RUN_MESSAGES and time.monotonic() < deadline:
        outcomes = _deliver_batch(kinds, gateways)
        if not outcomes or any(outcome.state in FAILING for outcome in outcomes):
            return False
        handed_over += len(outcomes)
    return True


def recover_abandoned() -> int:
    """Record the outcome of messages whose worker's lease expired. Return their number."""
    by_gateway: dict[str, list[Message]] = defaultdict(list)
    for message in abandoned_messages():
        by_gateway[message.gateway].append(message)
    for name, messages in by_gateway.items():
        with suppress(LookupUnavailable):
            record_outcomes(_look_up(open_gateway(name), messages))
    return sum(map(len, by_gateway.values()))


def outgoing_sms(message: Message) -> OutgoingSms:
    """Return the attempt with the decrypted secrets. Raise DecryptionFailed."""
    params = {**message.params, **decrypt(message.encrypted)}
    text = render_text(message.template, params, message.language)
    return OutgoingSms(attempt_id(message), message.to, message.kind, text, message.template, params)


def _deliver_batch(kinds: Sequence[str], gateways: dict[str, Gateway]) -> list[Outcome]:
    for kind in kinds:
        for name, gateway in gateways.items():
            claim = claim_messages(kind, name, limit=gateway.batch_size)
            if claim.messages:
                return _hand_over(claim, gateway)
    return []


def _hand_over(claim: Claim, gateway: Gateway) -> list[Outcome]:
    batch: list[tuple[Message, OutgoingSms]] = []
    broken: list[tuple[Message, Outcome]] = []
    for message in claim.messages:
        try:
            batch.append((message, outgoing_sms(message)))
        except DecryptionFailed:
            broken.append((message, rejected(_("The SMS can't be decrypted because SECRET_KEY has changed."))))
    outcomes = gateway.send([outgoing for _message, outgoing in batch], until=claim.until) if batch else []
    settled = [*broken, *zip((message for message, _outgoing in batch), outcomes, strict=True)]
    record_outcomes(settled)
    return [outcome for _message, outcome in settled]


def _look_up(gateway: Gateway, messages: list[Message]) -> list[tuple[Message, Outcome]]:
    found = gateway.find_sent({attempt_id(message) for message in messages})
    if found is None:
        return [(message, unknown(_("The worker was stopped while sending."))) for message in messages]
    again = retry(_("The worker was stopped before sending."), after=0)
    return [(message, sent() if attempt_id(message) in found else again) for message in messages]
