"""Unique values that several rows of one file claim: all of these rows are refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from directory.imports.problems import Problem, problem_of
from directory.members.data import Labels
from sms.phones import show_phone

ROWS_NAMED_MAX = 10


class Clashes:
    """Knows the first row of every value, and all rows of those that clash. Keys are texts, to save memory."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._rows: dict[str, list[int]] = {}
        self._by_alias: set[tuple[str, int]] = set()

    def has_account(self, account: str) -> bool:
        return f"account:{account}" in self._first

    def add(self, number: int, values: Mapping[str, Any], default_domain: int) -> None:
        """Claim what a row states. Refused rows claim too: only a person knows which of two is right."""
        keys = [f"phone:{values['phone']}"] if values.get("phone") else []
        if values.get("account"):
            keys.append(f"account:{values['account'].lower()}")
        if values.get("prefix"):
            keys.append(f"prefix:{values.get('domain', default_domain)}:{values['prefix']}")
        for local, domain in values.get("aliases", ()):
            key = f"prefix:{domain}:{local}"
            if key not in keys:
                self._by_alias.add((key, number))
                keys.append(key)
        for key in keys:
            first = self._first.setdefault(key, number)
            if first != number:
                self._rows.setdefault(key, [first]).append(number)

    def problems(self, labels: Labels) -> dict[int, list[Problem]]:
        """Return the problems by row number; each names up to ten of the other rows."""
        found: dict[int, list[Problem]] = defaultdict(list)
        for key, numbers in self._rows.items():
            column, _colon, value = key.partition(":")
            for number in numbers:
                others = [other for other in numbers[: ROWS_NAMED_MAX + 1] if other != number][:ROWS_NAMED_MAX]
                params = {"what": _shown(column, value, labels), "rows": ", ".join(map(str, others))}
                text = _("%(what)s is also in row %(rows)s of this file.")
                found[number].append(
                    problem_of("aliases" if (key, number) in self._by_alias else column, text, params, others)
                )
        return found


def _shown(column: str, value: str, labels: Labels) -> str:
    if column == "phone":
        return show_phone(value)
    if column == "prefix":
        domain, _colon, local = value.partition(":")
        return labels.address(local, int(domain))
    return value
