"""An event of the audit log as a page or a workbook shows it: in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.access import may
from accounts.audit_check import is_sound
from accounts.audit_words import VIAS, Target, action_label, all_words, fact_label, value_text
from accounts.devices import describe_browser
from accounts.models import AuditEvent, Role


@dataclass(frozen=True)
class Change:
    """One fact before and after, in words; `is_same` where it stayed."""

    label: str
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True)
class AuditRow:
    """`is_erased`: names and values were taken out; `is_sound`: it is as it was written."""

    number: int
    at: datetime
    action: str
    actor: str
    actor_id: int | None
    role: str
    via: str
    kind: str
    target: str
    target_key: str
    target_url: str
    changes: list[Change]
    ip: str
    browser: str
    request_id: str
    is_erased: bool
    is_sound: bool

    @property
    def differing(self) -> list[Change]:
        return [change for change in self.changes if not change.is_same]


def rows_of(events: Iterable[AuditEvent], reader: Role) -> list[AuditRow]:
    """Asks the database nothing."""
    return [_row(event, reader) for event in events]


def _row(event: AuditEvent, reader: Role) -> AuditRow:
    personal = event.personal or {}
    target = all_words().targets.get(event.target_type, Target(event.target_type))
    return AuditRow(
        number=event.number,
        at=event.at,
        action=str(action_label(event.action)),
        actor=_actor(event, personal),
        actor_id=event.actor_id_number,
        role=str(dict(Role.Name.choices).get(event.role, event.role)),
        via=str(VIAS.get(event.via, event.via)),
        kind=str(target.label),
        target=personal.get("target", ""),
        target_key=f"{event.target_type}.{event.target_id}",
        target_url=_url(target, event.target_id) if may(reader, target.permission) else "",
        changes=changes_of(personal.get("before", {}), personal.get("after", {})),
        ip=event.ip,
        browser=_browser(event.user_agent),
        request_id=event.request_id,
        is_erased=event.personal is None,
        is_sound=is_sound(event),
    )


def changes_of(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """In the order they were recorded."""
    keys = list(dict.fromkeys([*before, *after]))
    return [
        Change(str(fact_label(key)), value_text(key, before.get(key)), value_text(key, after.get(key))) for key in keys
    ]


def _actor(event: AuditEvent, personal: dict[str, Any]) -> str:
    if event.personal is None:
        return _("erased")
    return personal.get("actor") or str(VIAS.get(event.via, event.via))


def _url(target: Target, id: str) -> str:
    return reverse(target.page, args=[int(id)]) if target.page and id.isdecimal() else ""


def _browser(user_agent: str) -> str:
    browser, system = describe_browser(user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or user_agent
