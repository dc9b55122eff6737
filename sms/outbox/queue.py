"""The outbox: what was promised stands in a row before anything is sent (architecture.md, "A message").

A row moves pending → claimed → sent | rejected | retry_wait | unknown, or ends as cancelled or expired. Each move is
one conditional statement, and the one into an end state empties the seal. What was sent may yet be delivered or not
(sms.outbox.reports), what is unknown is looked up (sms.outbox.reconciliation).
"""

from __future__ import annotations

import random
import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Max, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from core.encryption import encrypt
from sms.gateways import Outcome, can_look_up
from sms.models import Message
from sms.outbox.reports import apply_early
from sms.outbox.texts import mask_secrets, render_text
from sms.wakeups import wake_on_commit

State = Message.State
LONGEST_WAIT_SECONDS = 60


class EnterpriseLike(Protocol):
    """What a message needs of its enterprise: this app stands below the one that has enterprises."""

    pk: Any
    name: Any
    is_demo: Any
    language: Any


@dataclass(frozen=True)
class Promise:
    """One SMS to be queued. `secrets` are encrypted; `params` may be shown. `is_decoy`: the same work, but no SMS."""

    enterprise: EnterpriseLike | None
    kind: str
    purpose: str
    subject: str
    to: str
    template: str
    params: dict[str, str]
    secrets: dict[str, str] = field(repr=False)
    expires_at: datetime | None = None
    language: str | None = None
    is_decoy: bool = False


@dataclass(frozen=True)
class Claim:
    """Messages that are this worker's alone until `until` (time.monotonic()), in order."""

    id: uuid.UUID
    until: float
    messages: list[Message]


@dataclass(frozen=True)
class Ending:
    """The columns an outcome sets, beside the emptied seal. `keeps_secrets`: it may be sent again, or looked up."""

    state: str
    reason: str = ""
    provider_id: str = ""
    next_attempt_at: datetime | None = None
    keeps_secrets: bool = False


def queue_message(
    *,
    enterprise: EnterpriseLike | None,
    kind: str,
    purpose: str,
    subject: str,
    to: str,
    template: str,
    params: dict[str, str],
    secrets: dict[str, str],
    expires_at: datetime | None = None,
    language: str | None = None,
) -> Message:
    """Promise one SMS, in the caller's transaction; a worker is woken when it commits. `to` is E.164.

    The caller holds the lock that serialises its subject; two promises at once to one subject raise IntegrityError.
    """
    return queue_messages(
        [Promise(enterprise, kind, purpose, subject, to, template, params, secrets, expires_at, language)]
    )[0]


def queue_messages(promises: Sequence[Promise]) -> list[Message]:
    """Promise many at once, with as many statements as for one. Their subjects must differ."""
    numbers = _last_numbers(promises)
    messages = [_draft(promise, numbers.get((promise.purpose, promise.subject), 0) + 1) for promise in promises]
    for kind in {promise.kind for promise in promises}:
        wake_on_commit(kind)
    return Message.objects.bulk_create(messages, batch_size=500)


def cancel_messages(*, purpose: str, subject: str | Collection[str], reason: str) -> int:
    """End what waits for this subject, or for these (joined, superseded, stopped); what a worker has claimed is on its
    way.

    `reason` is a msgid. Returns how many it was about. One whose outcome is being looked up is not tried again.
    """
    subjects = [subject] if isinstance(subject, str) else subject
    looked_up = Q(state=State.UNKNOWN) & ~Q(encrypted="")
    messages = Message.objects.filter(purpose=purpose, subject__in=subjects)
    return messages.filter(Q(state__in=Message.WAITING) | looked_up).update(
        state=Case(When(state=State.UNKNOWN, then=Value(State.UNKNOWN)), default=Value(State.CANCELLED)),
        reason=Case(When(state=State.UNKNOWN, then=F("reason")), default=Value(reason)),
        settled_at=Case(When(state=State.UNKNOWN, then=F("settled_at")), default=Value(timezone.now())),
        next_attempt_at=None,
        encrypted="",
    )


def latest_messages(purpose: str, subjects: Collection[str]) -> dict[str, Message]:
    """The newest message of each subject that has any, in one query."""
    messages = Message.objects.filter(purpose=purpose, subject__in=subjects).order_by("subject", "logical_no")
    return {message.subject: message for message in messages}


def expire_messages() -> int:
    """End what waited beyond its lifetime: a code that comes too late is never sent."""
    now = timezone.now()
    return Message.objects.filter(state__in=Message.WAITING, expires_at__lte=now).update(
        state=State.EXPIRED, reason=_("Not handed over within its lifetime."), encrypted="", settled_at=now
    )


def claim_messages(kind: str, gateway: str, *, limit: int) -> Claim:
    """Take up to `limit` due messages, oldest first. Committed on return, so that bytes may leave; may be empty."""
    claim = Claim(uuid.uuid4(), time.monotonic() + settings.SMS_LEASE_SECONDS, [])
    due = _due_messages().filter(kind=kind, gateway=gateway)
    if not due.exists():
        return claim
    with transaction.atomic(durable=True):
        # Locked and rechecked in one read on PostgreSQL; on SQLite the transaction itself is the lock.
        claim.messages.extend(due.order_by("id").select_for_update(skip_locked=True)[:limit])
        Message.objects.filter(pk__in=[message.pk for message in claim.messages]).update(
            state=State.CLAIMED,
            claim=claim.id,
            attempts=F("attempts") + 1,
            lease_until=Now() + timedelta(seconds=settings.SMS_LEASE_SECONDS),
        )
    for message in claim.messages:
        message.claim, message.attempts = claim.id, message.attempts + 1
    return claim


def settle_messages(outcomes: Iterable[tuple[Message, Outcome]]) -> None:
    """Write down what became of claimed messages. An outcome that comes after the lease may still end an unknown."""
    alike: dict[tuple[uuid.UUID | None, Ending], list[int]] = defaultdict(list)
    for message, outcome in outcomes:
        alike[message.claim, _ending(message, outcome)].append(message.pk)
    for (claim, ending), ids in alike.items():
        _end(ids, claim, ending)
    sent = [ending.provider_id for _claim, ending in alike if ending.provider_id]
    if sent:
        apply_early(sent)


def has_due_messages(kinds: Collection[str]) -> bool:
    """Whether a worker would find something to do."""
    return _due_messages().filter(kind__in=kinds).exists()


def abandoned_messages() -> list[Message]:
    """Claimed by a worker that did not come back within its lease, by the database's clock."""
    return list(Message.objects.filter(state=State.CLAIMED, lease_until__lt=Now()).order_by("id"))


def letter_id(message: Message) -> str:
    """The name of this one attempt at the gateway, the same for whoever asks for it later."""
    return f"{message.claim.hex}-{message.pk}" if message.claim else str(message.pk)


def _draft(promise: Promise, logical_no: int) -> Message:
    language = promise.language or (promise.enterprise.language if promise.enterprise else settings.LANGUAGE_CODE)
    encrypted = encrypt(promise.secrets)
    return Message(
        enterprise_id=promise.enterprise.pk if promise.enterprise else None,
        kind=promise.kind,
        purpose=promise.purpose,
        subject=promise.subject,
        logical_no=logical_no,
        to=promise.to,
        language=language,
        template=promise.template,
        params=promise.params,
        encrypted="" if promise.is_decoy else encrypted,
        text=render_text(promise.template, {**promise.params, **mask_secrets(promise.secrets)}, language),
        gateway="file" if promise.enterprise and promise.enterprise.is_demo else settings.SMS_GATEWAY,
        state=State.CANCELLED if promise.is_decoy else State.PENDING,
        expires_at=promise.expires_at,
    )


def _last_numbers(promises: Sequence[Promise]) -> dict[tuple[str, str], int]:
    numbered = (
        Message.objects.filter(
            purpose__in={promise.purpose for promise in promises}, subject__in=[promise.subject for promise in promises]
        )
        .values_list("purpose", "subject")
        .annotate(last=Max("logical_no"))
    )
    return {(purpose, subject): last for purpose, subject, last in numbered}


def _due_messages() -> QuerySet[Message]:
    now = timezone.now()
    return Message.objects.filter(
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
        Q(expires_at=None) | Q(expires_at__gt=now),
        state__in=Message.WAITING,
    )


def _ending(message: Message, outcome: Outcome) -> Ending:
    if outcome.state == State.UNKNOWN and message.kind != Message.Kind.CODE and can_look_up(message.gateway):
        look_at = timezone.now() + timedelta(seconds=settings.SMS_LOOK_SECONDS)
        return Ending(State.UNKNOWN, outcome.reason, next_attempt_at=look_at, keeps_secrets=True)
    if outcome.state != State.RETRY_WAIT:
        return Ending(outcome.state, outcome.reason, outcome.provider_id)
    if message.attempts >= settings.SMS_TRIES:
        return Ending(State.REJECTED, outcome.reason)
    wait = outcome.retry_after if outcome.retry_after is not None else _backoff_seconds(message.attempts)
    next_attempt_at = timezone.now() + timedelta(seconds=wait)
    if message.expires_at and next_attempt_at >= message.expires_at:
        return Ending(State.EXPIRED, outcome.reason)
    return Ending(State.RETRY_WAIT, outcome.reason, next_attempt_at=next_attempt_at, keeps_secrets=True)


def _backoff_seconds(attempts: int) -> float:
    """1, 2, 4 … 60 s, ±10 % so that many don't return at once."""
    return min(LONGEST_WAIT_SECONDS, 2.0 ** (attempts - 1)) * random.uniform(0.9, 1.1)  # noqa: S311


def _end(ids: list[int], claim: uuid.UUID | None, ending: Ending) -> None:
    states = [State.CLAIMED]
    if ending.state in {State.SENT, State.REJECTED}:
        states.append(State.UNKNOWN)
    seal = {} if ending.keeps_secrets else {"encrypted": ""}
    is_over = ending.state != State.RETRY_WAIT
    Message.objects.filter(pk__in=ids, claim=claim, state__in=states).update(
        state=ending.state,
        reason=ending.reason,
        provider_id=ending.provider_id,
        next_attempt_at=ending.next_attempt_at,
        lease_until=None,
        **({**seal, "settled_at": timezone.now()} if is_over else {}),
    )
