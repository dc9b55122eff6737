"""The words that the audit log shows for what was recorded; each app registers its own from `audit_words.py`.

What has no words is shown as it was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.permissions import Permission
from core.registry import Registry

YES, NO = _("yes"), _("no")
# A longer list, such as the ids of those invited at once, is cut and followed by its length.
LISTED_MAX = 20


@dataclass(frozen=True)
class Target:
    """A kind of thing that events are about. `page`: the URL name of its page, which takes its id and `permission`."""

    label: Any
    page: str = ""
    permission: Permission = Permission.READ


@dataclass(frozen=True)
class Words:
    """The words of one app.

    `actions`: by the name of their group. `facts`: labels of the keys of before and after; a key may be preceded by the
    kind of target ("department.name"). `values`: labels of recorded values, by key.
    """

    groups: Mapping[str, Any] = field(default_factory=dict)
    actions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


VIAS = {
    "web": _("Console"),
    "member": _("Member page"),
    "task": _("Background task"),
    "command": _("Command line"),
}


_words: Registry[Words] = Registry("words of the activity log")


def register_words(words: Words) -> None:
    """Show the words of one app in the activity log; groups appear in the order of registration."""
    _words.register(words)
    all_words.cache_clear()


@cache
def all_words() -> Words:
    """Return the words of all apps, merged."""
    parts = _words.all()
    actions: dict[str, dict[str, Any]] = {}
    for part in parts:
        for group, named in part.actions.items():
            actions.setdefault(group, {}).update(named)
    return Words(
        groups=_merge(part.groups for part in parts),
        actions=actions,
        targets=_merge(part.targets for part in parts),
        facts=_merge(part.facts for part in parts),
        values=_merge(part.values for part in parts),
    )


def action_label(action: str) -> Any:
    return next((named[action] for named in all_words().actions.values() if action in named), action)


def fact_label(key: str, kind: str = "") -> Any:
    facts = all_words().facts
    return facts.get(f"{kind}.{key}") or facts.get(key, key)


def value_text(key: str, value: Any) -> str:
    """Return a recorded value in words, "" for None."""
    match value:
        case None:
            return ""
        case bool():
            return str(YES if value else NO)
        case list():
            more = f" … ({len(value)})" if len(value) > LISTED_MAX else ""
            return str(_(", ")).join(value_text(key, one) for one in value[:LISTED_MAX]) + more
        case dict():
            return str(_(", ")).join(f"{fact_label(name)}: {value_text(name, one)}" for name, one in value.items())
    return str(all_words().values.get(key, {}).get(str(value), value))


def _merge(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return dict(item for mapping in mappings for item in mapping.items())
