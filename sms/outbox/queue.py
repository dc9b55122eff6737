"""The outbox: a message is a row before anything is sent (architecture.md, "A message").

A row moves pending → claimed → sent | rejected | retry_wait | unknown, or ends as cancelled or expired. Each move is
one conditional UPDATE, and the one into an end state erases the secrets. Delivery reports follow `sent`
(sms.outbox.reports), lookups follow `unknown` (sms.outbox.reconciliation).
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
from sms.outbox import number_limits
from sms.outbox.reports import apply_early_reports
from sms.outbox.texts import mask_secrets, render_text
from sms.wakeups import wake_on_commit

State = Message.State
LONGEST_WAIT_SECONDS = 60


class EnterpriseLike(Protocol):
    """The attributes of `accounts.Enterprise` used here; this app may not import it."""

    pk: Any
    name: Any
    is_demo: Any
    language: Any


@dataclass(frozen=True)
class MessageRequest:
    """One SMS to be queued, to an E.164 number. `secrets` are stored encrypted; a decoy is queued as cancelled.

    `is_proven` is for codes (sms.outbox.number_limits). `expires_at` defaults to SMS_MESSAGE_DAYS from now.
    """

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
    is_proven: bool = False


@dataclass(frozen=True)
class Claim:
    """Messages leased to this worker until `until` (time.monotonic()), in order."""

    id: uuid.UUID
    until: float
    messages: list[Message]


@dataclass(frozen=True)
class Transition:
    """The columns that an outcome sets. `keeps_secrets` if it may be retried or looked up, after `wait` seconds."""

    state: str
    reason: str = ""
    provider_id: str = ""
    wait: float | None = None
    keeps_secrets: bool = False


def gateway_of(enterprise: EnterpriseLike | None) -> str:
    """Return the name of the gateway for messages of this enterprise; None: of the sign-in page."""
    return "file" if enterprise and enterprise.is_demo else settings.SMS_GATEWAY


def queue_messages(requests: Sequence[MessageRequest]) -> list[Message]:
    """Queue messages with different subjects in the caller's transaction, and wake a worker when it commits.

    The number of statements is constant. The caller holds a lock for each subject; concurrent calls for one subject
    raise IntegrityError.
    """
    numbers = _last_numbers(requests)
    messages = [_new_message(request, numbers.get((request.purpose, request.subject), 0) + 1) for request in requests]
    for kind in {request.kind for request in requests}:
        wake_on_commit(kind)
    return Message.objects.bulk_create(messages, batch_size=500)


def cancel_messages(*, purpose: str, subject: str | Collection[str], reason: str) -> int:
    """Cancel waiting messages to these subjects, and the retry of those being looked up. Return how many changed.

    `reason` is a msgid. Messages claimed by a worker are sent.
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
    """Return the newest message of each subject that has any, with one query."""
    messages = Message.objects.filter(purpose=purpose, subject__in=subjects).order_by("subject", "logical_no")
    return {message.subject: message for message in messages}


def expire_messages() -> int:
    """Expire messages that waited beyond their lifetime. Return how many."""
    return Message.objects.filter(state__in=Message.WAITING, expires_at__lte=Now()).update(
        state=State.EXPIRED, reason=_("Not sent before it expired."), encrypted="", settled_at=Now()
    )


def claim_messages(kind: str, gateway: str, *, limit: int) -> Claim:
    """Claim up to `limit` due messages, oldest first (codes: number_limits.ORDER), and commit. May be empty."""
    claim = Claim(uuid.uuid4(), time.monotonic() + settings.SMS_LEASE_SECONDS, [])
    due = _due_messages().filter(kind=kind, gateway=gateway)
    if not due.exists():
        return claim
    with transaction.atomic(durable=True):
        claim.messages.extend(_lock_codes(due, limit) if kind == Message.Kind.CODE else _lock_due(due, limit, "id"))
        Message.objects.filter(pk__in=[message.pk for message in claim.messages]).update(
            state=State.CLAIMED,
            claim=claim.id,
            attempts=F("attempts") + 1,
            lease_until=Now() + timedelta(seconds=settings.SMS_LEASE_SECONDS),
        )
    for message in claim.messages:
        message.claim, message.attempts = claim.id, message.attempts + 1
    return claim


def record_outcomes(outcomes: Iterable[tuple[Message, Outcome]]) -> None:
    """Record the outcomes of claimed messages. An outcome after the lease can still replace an unknown one."""
    groups: dict[tuple[uuid.UUID | None, Transition], list[int]] = defaultdict(list)
    for message, outcome in outcomes:
        groups[message.claim, _transition(message, outcome)].append(message.pk)
    for (claim, transition), ids in groups.items():
        _apply(transition, ids, claim)
    sent = [transition.provider_id for _claim, transition in groups if transition.provider_id]
    if sent:
        apply_early_reports(sent)


def has_due_messages(kinds: Collection[str], gateway: str = "") -> bool:
    """True if messages of these kinds are due, to this gateway or to any."""
    due = _due_messages().filter(kind__in=kinds)
    return (due.filter(gateway=gateway) if gateway else due).exists()


def abandoned_messages() -> list[Message]:
    """Return claimed messages whose lease has expired by the database's clock, oldest first."""
    return list(Message.objects.filter(state=State.CLAIMED, lease_until__lt=Now()).order_by("id"))


def attempt_id(message: Message) -> str:
    """Return the id that the gateway gets for the current attempt."""
    return f"{message.claim.hex}-{message.pk}" if message.claim else str(message.pk)


def _new_message(request: MessageRequest, logical_no: int) -> Message:
    language = request.language or (request.enterprise.language if request.enterprise else settings.LANGUAGE_CODE)
    encrypted = encrypt(request.secrets)
    return Message(
        enterprise_id=request.enterprise.pk if request.enterprise else None,
        kind=request.kind,
        purpose=request.purpose,
        subject=request.subject,
        logical_no=logical_no,
        to=request.to,
        is_proven=request.is_proven,
        language=language,
        template=request.template,
        params=request.params,
        encrypted="" if request.is_decoy else encrypted,
        text=render_text(request.template, {**request.params, **mask_secrets(request.secrets)}, language),
        gateway=gateway_of(request.enterprise),
        state=State.CANCELLED if request.is_decoy else State.PENDING,
        expires_at=request.expires_at or timezone.now() + timedelta(days=settings.SMS_MESSAGE_DAYS),
    )


def _last_numbers(requests: Sequence[MessageRequest]) -> dict[tuple[str, str], int]:
    numbered = (
        Message.objects.filter(
            purpose__in={request.purpose for request in requests}, subject__in=[request.subject for request in requests]
        )
        .values_list("purpose", "subject")
        .annotate(last=Max("logical_no"))
    )
    return {(purpose, subject): last for purpose, subject, last in numbered}


def _due_messages() -> QuerySet[Message]:
    """Match what may be sent now, by the database's clock, because a worker's may be wrong."""
    return Message.objects.filter(
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now()),
        Q(expires_at=None) | Q(expires_at__gt=Now()),
        state__in=Message.WAITING,
    )


def _lock_due(due: QuerySet[Message], limit: int, *order: str) -> list[Message]:
    """PostgreSQL locks and rechecks the rows in one read; on SQLite the transaction locks the database."""
    return list(due.order_by(*order).select_for_update(skip_locked=True)[:limit])


def _lock_codes(due: QuerySet[Message], limit: int) -> list[Message]:
    """Lock codes whose numbers may get one now; the others are held back, so that they are not due any more."""
    number_limits.lock_hand_over()
    while codes := _lock_due(due.annotate(now=Now()), limit, *number_limits.ORDER):
        if ready := number_limits.hold_back(codes):
            return ready
    return []


def _transition(message: Message, outcome: Outcome) -> Transition:
    if outcome.state == State.UNKNOWN and message.kind != Message.Kind.CODE and can_look_up(message.gateway):
        return Transition(State.UNKNOWN, outcome.reason, wait=settings.SMS_LOOK_SECONDS, keeps_secrets=True)
    if outcome.state != State.RETRY_WAIT:
        return Transition(outcome.state, outcome.reason, outcome.provider_id)
    wait = outcome.retry_after if outcome.retry_after is not None else _backoff_seconds(message.attempts)
    return Transition(State.RETRY_WAIT, outcome.reason, wait=wait, keeps_secrets=True)


def _backoff_seconds(attempts: int) -> float:
    """Return 1, 2, 4 … 60 s, ± 10 % so that retries spread out."""
    return min(LONGEST_WAIT_SECONDS, 2.0 ** (attempts - 1)) * random.uniform(0.9, 1.1)  # noqa: S311


def _apply(transition: Transition, ids: list[int], claim: uuid.UUID | None) -> None:
    states = [State.CLAIMED]
    if transition.state in {State.SENT, State.REJECTED}:
        states.append(State.UNKNOWN)
    changes: dict[str, Any] = {"reason": transition.reason, "lease_until": None}
    ended = {"encrypted": "", "settled_at": Now()}
    next_attempt_at = Now() + timedelta(seconds=transition.wait) if transition.wait else None
    messages = Message.objects.filter(pk__in=ids, claim=claim, state__in=states)
    if transition.state == State.RETRY_WAIT:
        messages.filter(expires_at__lte=next_attempt_at or Now()).update(state=State.EXPIRED, **changes, **ended)
    else:
        changes |= {"settled_at": Now()} if transition.keeps_secrets else ended
    messages.update(
        state=transition.state, provider_id=transition.provider_id, next_attempt_at=next_attempt_at, **changes
    )
