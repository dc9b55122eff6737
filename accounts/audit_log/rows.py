"""Events of the audit log in words, as the page and the workbook show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit.verification import EventVerifier
from accounts.audit_log.vocabulary import VIAS, Target, action_label, all_words, fact_label, value_text
from accounts.clients import describe_browser
from accounts.models import AuditEvent, Role
from accounts.permissions import may

# The names that accounts.audit.recording gives to actors that are no person.
NOBODY = {"", "command line", "upkeep"}
ROLES = dict(Role.Name.choices)


@dataclass(frozen=True)
class Change:
    """A fact before and after an event, in words."""

    label: str
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True)
class AuditRow:
    """An event as `reader` may see it. Makes no database queries, except for erased events, which share `verifier`."""

    event: AuditEvent
    reader: Role
    verifier: EventVerifier = field(compare=False)

    @property
    def action(self) -> str:
        return str(action_label(self.event.action))

    @property
    def actor(self) -> str:
        if self.is_erased:
            return _("Name erased")
        name: str = self._personal.get("actor", "")
        return self.via if name in NOBODY else name

    @property
    def role(self) -> str:
        return str(ROLES.get(self.event.role, self.event.role))

    @property
    def via(self) -> str:
        return str(VIAS.get(self.event.via, self.event.via))

    @property
    def kind(self) -> str:
        return str(self._target.label)

    @property
    def target(self) -> str:
        return str(self._personal.get("target", ""))

    @property
    def target_key(self) -> str:
        return f"{self.event.target_type}.{self.event.target_id}"

    @property
    def target_url(self) -> str:
        """The address of the target's page, "" if the reader may not see it. The target may have been deleted."""
        page, id = self._target.page, self.event.target_id
        has_page = page and id.isdecimal() and may(self.reader, self._target.permission)
        return reverse(page, args=[int(id)]) if has_page else ""

    @property
    def changes(self) -> list[Change]:
        return changes_of(self.event.target_type, self._personal.get("before", {}), self._personal.get("after", {}))

    @property
    def browser(self) -> str:
        browser, system = describe_browser(self.event.user_agent)
        if browser and system:
            return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
        return browser or system or self.event.user_agent

    @property
    def is_erased(self) -> bool:
        """True if names and values were erased; the event itself stays."""
        return self.event.personal is None

    @cached_property
    def is_sound(self) -> bool:
        return self.verifier.is_sound(self.event)

    @property
    def _personal(self) -> dict[str, Any]:
        return self.event.personal or {}

    @property
    def _target(self) -> Target:
        return all_words().targets.get(self.event.target_type, Target(self.event.target_type))


def changes_of(kind: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Return the changes of a target of this kind, in the order they were recorded."""
    return [
        Change(str(fact_label(key, kind)), value_text(key, before.get(key)), value_text(key, after.get(key)))
        for key in dict.fromkeys([*before, *after])
    ]
