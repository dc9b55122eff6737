"""Record changes in the audit log, which is append-only and chained; only personal data can be erased.

Every action that changes something wraps its body:

    with recording(enterprise, by=by) as record:
        ...
        record("member_created", member, after={...})

`recording` first locks the enterprise's chain, so the changes of one enterprise are serialised: a rule checked inside
stays true until the commit.

Each event's digest is HMAC-SHA256(key, previous digest + canonical JSON of its columns). Names, phones and addresses
are stored in `personal` only, which may be erased; the chain covers a salted HMAC of it and still verifies then, if
another event names those that were erased (`erase_personal`). The first event of every chain is the opening of its
enterprise. A truncated log differs from the chain's signed row, whose head is also written to the process log after
each change. The keys are those of accounts.audit.keys.
"""

from __future__ import annotations

import datetime
import logging
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import models, transaction
from django.utils import timezone

from accounts.audit.chain import extend_chain, lock_chain
from accounts.audit.keys import Keyring, canonical_json, keyring
from accounts.audit.ranges import format_ranges
from accounts.models import AuditChain, AuditEvent, Enterprise, Role, User
from core.bulk_sql import insert_rows
from core.transactions import on_commit_once
from sms.phones import mask_phone

log = logging.getLogger(__name__)
EVENT_COLUMNS = [field.attname for field in AuditEvent._meta.concrete_fields]
DIGESTED = [name for name in EVENT_COLUMNS if name not in {"personal", "previous", "digest"}]
# The actions of a chain's first event, and of an event that names erased ones.
OPENED, ERASED = "enterprise_opened", "personal_data_erased"
NEVER_RECORDED = {"code", "link", "password", "encrypted", "secret", "token"}
PHONE = re.compile(r"\+\d{7,15}(?!\d)|(?<!\d)(?:86|0086)?1[3-9]\d{9}(?!\d)")


@dataclass(frozen=True)
class Actor:
    """The author of a change: a person in a browser (`via` "web"), a "task" or a "command".

    An event stores the role that the person had, and `via` "member" for a person in a browser without a role.
    """

    user: User | None
    name: str
    via: str = "web"
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


class RecordedChange(NamedTuple):
    """The target of an event, and its changed values before and after."""

    target: models.Model
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass
class Record:
    """Record changes in the transaction that makes them; yielded by `recording`."""

    enterprise: Enterprise
    by: Actor

    def __call__(
        self,
        action: str,
        target: models.Model,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        *,
        erased: str = "",
    ) -> AuditEvent:
        """Record one event. `erased` names the events whose personal data it erased (`erase_personal`)."""
        (columns,) = self._chain(action, [RecordedChange(target, before, after)], erased=erased)
        event = AuditEvent(**columns)
        event.save(force_insert=True)
        return event

    def each(self, action: str, changes: Sequence[RecordedChange]) -> None:
        """Record an event per change, in this order, with the number of statements of a single one."""
        insert_rows(AuditEvent, EVENT_COLUMNS, map(_as_row, self._chain(action, changes)))

    def _chain(self, action: str, changes: Sequence[RecordedChange], *, erased: str = "") -> list[dict[str, Any]]:
        """Return the columns of an event per change, and move the chain's head to the last."""
        # Read again each time: an action may call another that records in the same transaction.
        chain = lock_chain(self.enterprise)
        number, head, keys = chain.length, chain.head, keyring()
        actor = plain(self.by.name)
        shared = self._shared_columns(action) | {"erased": erased, "key_id": keys.current}
        events = []
        for number, change in enumerate(changes, start=chain.length + 1):
            personal = _personal(actor, change)
            columns = shared | {
                "number": number,
                "target_type": change.target._meta.model_name or "",
                "target_id": str(change.target.pk),
                "personal_digest": personal_digest(personal, keys, keys.current),
            }
            digest = _digest(columns, head, keys)
            events.append(columns | {"personal": personal, "previous": head, "digest": digest})
            head = digest
        extend_chain(chain, length=number, head=head)
        on_commit_once(_HeadLogger(self.enterprise.pk))
        return events

    def _shared_columns(self, action: str) -> dict[str, Any]:
        by = self.by
        roles = Role.objects.filter(user=by.user, enterprise=self.enterprise).values_list("name", flat=True)
        role = roles.first() or ""
        return {
            "enterprise_id": self.enterprise.pk,
            "at": timezone.now(),
            "actor_user_id": by.user.pk if by.user else None,
            "role": role,
            "via": "member" if by.via == "web" and not role else by.via,
            "ip": by.ip,
            "user_agent": plain(by.user_agent)[:200],
            "request_id": plain(by.request_id)[:36],
            "action": action,
        }


def command_actor(user: User | None = None) -> Actor:
    """Return the actor of a management command, on behalf of `user` if given."""
    return Actor(user=user, name=str(user) if user else "command line", via="command")


def task_actor(name: str) -> Actor:
    """Return the actor of a background task without an author."""
    return Actor(user=None, name=name, via="task")


@contextmanager
def recording(enterprise: Enterprise, *, by: Actor) -> Iterator[Record]:
    """Open a transaction for changes of `enterprise`, and yield a Record. Lock the enterprise's chain until the commit.

    All code locks in one order, so that transactions never deadlock: the chain's row first, before anything is written
    or locked; then other rows, in the order of their keys. Do not open `recording` after a write in the same
    transaction, nor for a second enterprise: use a transaction each, or `recording_person`, which locks several chains
    in the order of the enterprises' ids. Calls for the same enterprise may be nested.
    """
    with transaction.atomic():
        lock_chain(enterprise)
        yield Record(enterprise, by)


@dataclass(frozen=True)
class _HeadLogger:
    """Write the current head of a chain to the process log, when called."""

    enterprise_id: int

    def __call__(self) -> None:
        chain = AuditChain.objects.get(enterprise=self.enterprise_id)
        log.info("audit_chain_extended enterprise=%d number=%d head=%s", self.enterprise_id, chain.length, chain.head)


def _personal(actor: str, change: RecordedChange) -> dict[str, Any]:
    return {
        "salt": secrets.token_hex(16),
        "actor": actor,
        "target": plain(str(change.target)),
        "before": plain(change.before or {}),
        "after": plain(change.after or {}),
    }


def _as_row(event: Mapping[str, Any]) -> list[Any]:
    return [canonical_json(event[name]) if name == "personal" else event[name] for name in EVENT_COLUMNS]


def event_digest(event: AuditEvent, keys: Keyring) -> str:
    """Compute what `event.digest` must be. Raises KeyError if `keys` lacks its key."""
    return _digest({name: getattr(event, name) for name in DIGESTED}, event.previous, keys)


def personal_digest(personal: Mapping[str, Any], keys: Keyring, key_id: str) -> str:
    """Compute what `event.personal_digest` must be."""
    return keys.sign(canonical_json(personal), key_id)


def _digest(columns: dict[str, Any], previous: str, keys: Keyring) -> str:
    at = columns["at"].astimezone(datetime.UTC).isoformat(timespec="microseconds")
    return keys.sign(previous + canonical_json(columns | {"at": at}), columns["key_id"])


def erase_personal(record: Record, events: models.QuerySet[AuditEvent]) -> None:
    """Erase names and values of those of the enterprise's `events` that have any, and record which."""
    concerned = events.filter(enterprise=record.enterprise, personal__isnull=False)
    numbers = list(concerned.order_by("number").values_list("number", flat=True))
    if numbers:
        concerned.update(personal=None)
        counted = {"events": len(numbers)}
        record("personal_data_erased", record.enterprise, after=counted, erased=format_ranges(numbers))


def plain(value: Any) -> Any:
    """Return `value` as JSON without secrets and control characters, and with masked phones."""
    match value:
        case str():
            return _plain_text(value)
        case None | bool() | int():
            return value
        case Mapping():
            return {str(key): plain(item) for key, item in value.items() if str(key) not in NEVER_RECORDED}
        case list() | tuple() | set() | frozenset() | models.QuerySet():
            return [plain(item) for item in value]
        case _:
            return _plain_text(str(value))


def _plain_text(text: str) -> str:
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    # The length saves the search for most texts.
    return PHONE.sub(lambda match: mask_phone(_international(match[0])), text) if len(text) > 7 else text


def _international(phone: str) -> str:
    return phone if phone.startswith("+") else "+86" + phone[-11:]
