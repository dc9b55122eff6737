"""The worker's side of the outbox: claim, hand over, write down; and tidy up after workers that were killed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings
from django.utils.translation import gettext_noop as _

from core.encryption import DecryptionFailed, decrypt
from sms.gateways import CannotTellYet, Gateway, Letter, Outcome, open_gateway, rejected, retry, sent, unknown
from sms.models import Message
from sms.outbox.queue import Claim, abandoned_messages, claim_messages, letter_id, settle_messages
from sms.outbox.texts import render_text

# One task does not hold its worker longer than this; what is left gets a new hint.
RUN_SECONDS = 10.0
RUN_MESSAGES = 1000
UNWELL = {Message.State.RETRY_WAIT, Message.State.UNKNOWN}


def deliver_messages(kinds: Sequence[str]) -> bool:
    """Hand over what is due, an earlier kind always before a later one. True if it stopped at its bound.

    A gateway that is unwell ends the run until the next hint: an outage costs a message a turn, not all that wait.
    """
    gateways = {name: open_gateway(name) for name in settings.SMS_GATEWAYS}
    deadline, handed_over = time.monotonic() + RUN_SECONDS, 0
    while handed_over < RUN_MESSAGES and time.monotonic() < deadline:
        outcomes = _deliver_batch(kinds, gateways)
        if not outcomes or any(outcome.state in UNWELL for outcome in outcomes):
            return False
        handed_over += len(outcomes)
    return True


def settle_abandoned() -> int:
    """Find out what became of messages whose worker did not come back: sent, to be tried again, or unknown."""
    by_gateway: dict[str, list[Message]] = defaultdict(list)
    for message in abandoned_messages():
        by_gateway[message.gateway].append(message)
    for name, messages in by_gateway.items():
        with suppress(CannotTellYet):
            settle_messages(_look_up(open_gateway(name), messages))
    return sum(map(len, by_gateway.values()))


def open_letter(message: Message) -> Letter:
    """With its secrets. Raises DecryptionFailed."""
    params = {**message.params, **decrypt(message.encrypted)}
    text = render_text(message.template, params, message.language)
    return Letter(letter_id(message), message.to, message.kind, text, message.template, params)


def _deliver_batch(kinds: Sequence[str], gateways: dict[str, Gateway]) -> list[Outcome]:
    for kind in kinds:
        for name, gateway in gateways.items():
            claim = claim_messages(kind, name, limit=gateway.batch_size)
            if claim.messages:
                return _hand_over(claim, gateway)
    return []


def _hand_over(claim: Claim, gateway: Gateway) -> list[Outcome]:
    letters: list[tuple[Message, Letter]] = []
    spoilt: list[tuple[Message, Outcome]] = []
    for message in claim.messages:
        try:
            letters.append((message, open_letter(message)))
        except DecryptionFailed:
            spoilt.append((message, rejected(_("The message can't be opened any more: SECRET_KEY has changed."))))
    outcomes = gateway.send([letter for _message, letter in letters], until=claim.until) if letters else []
    settled = [*spoilt, *zip((message for message, _letter in letters), outcomes, strict=True)]
    settle_messages(settled)
    return [outcome for _message, outcome in settled]


def _look_up(gateway: Gateway, messages: list[Message]) -> list[tuple[Message, Outcome]]:
    found = gateway.find({letter_id(message) for message in messages})
    if found is None:
        return [(message, unknown(_("The worker was stopped while it was sending."))) for message in messages]
    again = retry(_("The worker was stopped before it sent."), after=0)
    return [(message, sent() if letter_id(message) in found else again) for message in messages]
