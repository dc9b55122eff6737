"""Deliver messages: claim them, hand them to a gateway, record the outcomes; and recover what killed workers left."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext_noop as _

from core.encryption import DecryptionFailed, decrypt
from sms.gateways import Gateway, LookupUnavailable, Outcome, OutgoingSms, open_gateway, rejected, retry, sent, unknown
from sms.models import Message
from sms.outbox.breaker import FAILURES, claimable, record_results
from sms.outbox.queue import (
    Claim,
    abandoned_messages,
    attempt_id,
    claim_messages,
    has_due_messages,
    record_outcomes,
)
from sms.outbox.texts import render_text

# Limits of one task; the rest is left to the next one.
RUN_SECONDS = 10.0
RUN_MESSAGES = 1000
# How often the other gateways' messages are looked for while one gateway has not answered yet.
POLL_SECONDS = 0.5


def deliver_messages(kinds: Sequence[str]) -> bool:
    """Deliver due messages in the order of `kinds`. Return True if a limit was reached, so that more may be due.

    Gateways are used at the same time, so that one that hangs holds up no other. A temporary failure ends the run of
    its gateway, so that an outage costs an attempt of one batch and not of all due messages.
    """
    with ThreadPoolExecutor(len(settings.SMS_GATEWAYS)) as pool:
        return DeliveryRun(kinds, pool).run()


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


@dataclass(frozen=True)
class HandOver:
    """A claimed batch that a thread is handing to its gateway."""

    messages: list[Message]
    outcomes: Future[list[Outcome]]
    started: float


@dataclass
class DeliveryRun:
    """One run over all gateways. Threads of `pool` only wait for gateways; the database is used by this thread."""

    kinds: Sequence[str]
    pool: ThreadPoolExecutor
    gateways: dict[str, Gateway] = field(init=False)
    under_way: dict[str, HandOver] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    handed_over: int = 0

    def __post_init__(self) -> None:
        self.gateways = {name: open_gateway(name) for name in settings.SMS_GATEWAYS}
        self.deadline = time.monotonic() + RUN_SECONDS

    def run(self) -> bool:
        """Hand over until nothing more is due or a limit is reached. Return True in the latter case."""
        while True:
            for name in self.gateways.keys() - self.under_way.keys() - self.failing:
                if self._may_start():
                    self._start(name)
            if not self.under_way:
                return not self._may_start() and not self.failing
            wait([each.outcomes for each in self.under_way.values()], POLL_SECONDS, FIRST_COMPLETED)
            for name in [name for name, each in self.under_way.items() if each.outcomes.done()]:
                self._finish(name)

    def _may_start(self) -> bool:
        """True before the limits, and while a hand-over that began before them has not ended."""
        is_waiting = any(each.started < self.deadline for each in self.under_way.values())
        return self.handed_over < RUN_MESSAGES and (is_waiting or time.monotonic() < self.deadline)

    def _start(self, name: str) -> None:
        """Claim a batch and have a thread hand it to the gateway."""
        while claim := self._claim(name):
            batch = _decrypt_batch(claim.messages)
            if batch:
                messages, outgoing = map(list, zip(*batch, strict=True))
                outcomes = self.pool.submit(self.gateways[name].send, outgoing, until=claim.until)
                self.under_way[name] = HandOver(messages, outcomes, time.monotonic())
                return

    def _claim(self, name: str) -> Claim | None:
        """Claim a batch of the first kind that is due, as far as the gateway's breaker allows."""
        for kind in self.kinds:
            if has_due_messages([kind], name) and (limit := claimable(name, batch_size(self.gateways[name], kind))):
                claim = claim_messages(kind, name, limit=limit)
                if claim.messages:
                    return claim
        return None

    def _finish(self, name: str) -> None:
        ended = self.under_way.pop(name)
        outcomes = ended.outcomes.result()
        record_outcomes(zip(ended.messages, outcomes, strict=True))
        record_results(name, outcomes)
        self.handed_over += len(outcomes)
        if any(outcome.state in FAILURES for outcome in outcomes):
            self.failing.add(name)


def batch_size(gateway: Gateway, kind: str) -> int:
    """Return how many messages of this kind are claimed at a time."""
    return gateway.code_batch_size if kind == Message.Kind.CODE else gateway.batch_size


def _decrypt_batch(messages: Sequence[Message]) -> list[tuple[Message, OutgoingSms]]:
    """Return the messages with their attempts; reject those that can't be decrypted."""
    batch: list[tuple[Message, OutgoingSms]] = []
    for message in messages:
        try:
            batch.append((message, outgoing_sms(message)))
        except DecryptionFailed:
            reason = _("The SMS can't be decrypted because SECRET_KEY has changed.")
            record_outcomes([(message, rejected(reason))])
    return batch


def _look_up(gateway: Gateway, messages: list[Message]) -> list[tuple[Message, Outcome]]:
    found = gateway.find_sent({attempt_id(message) for message in messages})
    if found is None:
        return [(message, unknown(_("The worker was stopped while sending."))) for message in messages]
    again = retry(_("The worker was stopped before sending."), after=0)
    return [(message, sent() if attempt_id(message) in found else again) for message in messages]
