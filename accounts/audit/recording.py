"""The audit log: who did what, when, from where; append-only, chained, and erasable where it is personal.

Every verb that changes something wraps its body:

    with recording(enterprise, by=by) as record:
        ...
        record("member_created", member, after={...})

`recording` takes the lock of the enterprise's chain before anything else, so the changes of one enterprise follow
one another: a rule checked inside stays true until the commit.

Each event's digest is HMAC-SHA256(key, previous digest + canonical JSON of its columns). Names, phones and addresses
lie only in `personal`, which may be erased; the chain covers a salted HMAC of it and therefore still verifies.
A cut tail shows in the chain's row, and after each change its head goes to the process's log, which lies elsewhere.
The key comes from SECRET_KEY: with another SECRET_KEY the chain can't be verified.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from accounts.models import AuditChain, AuditEvent, Enterprise, Role, User
from core.bulk_sql import insert_rows
from sms.phones import mask_phone

log = logging.getLogger(__name__)
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
EVENT_COLUMNS = [field.attname for field in AuditEvent._meta.concrete_fields]
DIGESTED = [name for name in EVENT_COLUMNS if name not in {"personal", "previous", "digest"}]
NEVER_RECORDED = {"code", "link", "password", "encrypted", "secret", "token"}
A_PHONE = re.compile(r"\+\d{7,15}(?!\d)|(?<!\d)(?:86|0086)?1[3-9]\d{9}(?!\d)")


@dataclass(frozen=True)
class Actor:
    """Who acts: a person in a browser ("web"), a "task" or a "command".

    The event says which role they had in its enterprise, and "member" for a person in a browser who had none.
    """

    user: User | None
    name: str
    via: str = "web"
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


class Noted(NamedTuple):
    """What became of one thing."""

    target: models.Model
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass
class Record:
    """What `recording` yields: notes what was changed, in the transaction that changes it."""

    enterprise: Enterprise
    by: Actor
    head: AuditChain | None = None

    def __call__(
        self,
        action: str,
        target: models.Model,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> AuditEvent:
        (event,) = self._chain(action, [Noted(target, before, after)])
        made = AuditEvent(**event)
        made.save(force_insert=True)
        return made

    def each(self, action: str, noted: Sequence[Noted]) -> None:
        """An event for each, in this order, in as many statements as for one."""
        insert_rows(AuditEvent, EVENT_COLUMNS, map(_as_row, self._chain(action, noted)))

    def _chain(self, action: str, noted: Sequence[Noted]) -> list[dict[str, Any]]:
        """The columns of an event for each; the chain ends behind the last."""
        # Read again each time: a verb may call another that records within the same transaction.
        chain = _locked_chain(self.enterprise)
        actor, alike = plain(self.by.name), self._alike(action)
        events = []
        for one in noted:
            event = alike | _event(chain, actor, one)
            event["digest"] = _digest(event)
            chain.length, chain.head = event["number"], event["digest"]
            events.append(event)
        chain.save(update_fields=["length", "head"])
        self.head = chain
        return events

    def _alike(self, action: str) -> dict[str, Any]:
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
    """Someone at the operator's shell, on behalf of `user` if one is named."""
    return Actor(user=user, name=str(user) if user else "command line", via="command")


def task_actor(name: str) -> Actor:
    """Work in the background that no person waits for."""
    return Actor(user=None, name=name, via="task")


@contextmanager
def recording(enterprise: Enterprise, *, by: Actor) -> Iterator[Record]:
    """Open a transaction in which something of `enterprise` changes, and yield what records it.

    The events are kept if and only if the change is. The row of the enterprise's chain stays locked until the commit.

    All code locks in one order, so that no two transactions deadlock: the chain's row first, before anything is
    written or locked; then other rows, in the order of their keys where they are several. Do not open `recording`
    after a write in the same transaction, nor for a second enterprise: use a transaction each, or `recording_person`,
    which locks several chains in the order of the enterprises' ids. Calls for the same enterprise may be nested.
    """
    is_outermost = not transaction.get_connection().in_atomic_block
    record = Record(enterprise, by)
    with transaction.atomic():
        _locked_chain(enterprise)
        yield record
    if is_outermost and record.head:
        log.info("audit enterprise=%d number=%d head=%s", enterprise.pk, record.head.length, record.head.head)


def _locked_chain(enterprise: Enterprise) -> AuditChain:
    return AuditChain.objects.select_for_update().get_or_create(enterprise=enterprise)[0]


def _event(chain: AuditChain, actor: str, noted: Noted) -> dict[str, Any]:
    personal = {
        "salt": secrets.token_hex(16),
        "actor": actor,
        "target": plain(str(noted.target)),
        "before": plain(noted.before or {}),
        "after": plain(noted.after or {}),
    }
    return {
        "number": chain.length + 1,
        "target_type": noted.target._meta.model_name or "",
        "target_id": str(noted.target.pk),
        "personal": personal,
        "personal_digest": personal_digest(personal),
        "previous": chain.head,
    }


def _as_row(event: Mapping[str, Any]) -> list[Any]:
    return [_canonical(event[name]) if name == "personal" else event[name] for name in EVENT_COLUMNS]


def digest(event: AuditEvent) -> str:
    """What `event.digest` must be, from its columns and `event.previous`."""
    return _digest({name: getattr(event, name) for name in (*DIGESTED, "previous")})


def _digest(event: Mapping[str, Any]) -> str:
    columns = {name: event[name] for name in DIGESTED}
    columns["at"] = event["at"].astimezone(datetime.UTC).isoformat(timespec="microseconds")
    return _hmac(event["previous"] + _canonical(columns))


def personal_digest(personal: Mapping[str, Any]) -> str:
    return _hmac(_canonical(personal))


def erase_personal(events: models.QuerySet[AuditEvent]) -> None:
    """Forget names and values of these events, in the caller's transaction; the chain verifies as before."""
    events.filter(personal__isnull=False).update(personal=None)


def plain(value: Any) -> Any:
    """`value` as JSON that is safe to keep and to print: phones masked, secrets gone, no control characters."""
    match value:
        case str():
            return _plain_text(value)
        case None | bool() | int():
            return value
        case Mapping():
            return {str(key): plain(held) for key, held in value.items() if str(key) not in NEVER_RECORDED}
        case list() | tuple() | set() | frozenset() | models.QuerySet():
            return [plain(held) for held in value]
        case _:
            return _plain_text(str(value))


def _plain_text(text: str) -> str:
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    # Most are shorter than any phone.
    return A_PHONE.sub(lambda found: mask_phone(_international(found[0])), text) if len(text) > 7 else text


def _international(phone: str) -> str:
    return phone if phone.startswith("+") else "+86" + phone[-11:]


def _hmac(text: str) -> str:
    key = hashlib.sha256(b"accounts.audit.recording:" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, text.encode(), "sha256").hex()
