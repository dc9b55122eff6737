"""What the address of a list asks for: a search, filters, and one of the list's tabs."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_date

M = TypeVar("M", bound=Model)
# Characters; a longer value can match nothing, and must not make addresses long.
VALUE_MAX = 100


@dataclass(frozen=True)
class Tab:
    """A part of a list, how many rows are in it, and its address."""

    state: str
    label: str
    count: int
    url: str
    is_current: bool


class ListQuery:
    """Parse the parameters of a list: `q` is the search text; a subclass reads its filters in `__init__`.

    The methods that read a filter take its parameter's name, remember its value for the list's other addresses, and
    return it. Values that make no sense are left out, so that any address can be answered.
    """

    text_max: ClassVar[int] = 64
    page_size: ClassVar[int] = 50
    # Set where a view with another address, such as a refused action, also shows the list.
    view_name: ClassVar[str] = ""

    def __init__(self, asked: QueryDict) -> None:
        self.asked = asked
        # PostgreSQL refuses NUL characters.
        self.text = asked.get("q", "").replace("\0", "").strip()[: self.text_max]
        self._filters: dict[str, str] = {}
        self._tabs: dict[str, str] = {}
        # A filter names what does not exist: nothing matches, so that "all that match" is never more than was shown.
        self.matches_nothing = False

    @property
    def is_filtered(self) -> bool:
        """True if there is a search text or a filter; a tab is none."""
        return bool(self.text or any(self._filters.values()))

    @property
    def fields(self) -> dict[str, str]:
        """The parameters that are set, for a form which acts on all that match."""
        return _set({**self._tabs, "q": self.text, **self._filters})

    @property
    def unnamed_fields(self) -> dict[str, str]:
        """The parameters that are set, for the audit log: without the search text, which may be a person's name."""
        return self.fields | ({"q": "…"} if self.text else {})

    def url(self, **others: Any) -> str:
        """Return the query string of these parameters and `others`."""
        return f"?{urlencode(_set({**self.fields, **others}))}"

    def full_url(self, **others: Any) -> str:
        """Return an address that is right wherever the list is shown."""
        return (reverse(self.view_name) if self.view_name else "") + self.url(**others)

    def tabs(self, name: str, labels: Mapping[Any, Any], counts: Mapping[Any, int]) -> list[Tab]:
        """Return the tabs of the parameter `name`, in the order of `labels`."""
        current = self._tabs[name]
        return [
            Tab(value, str(label), counts.get(value, 0), self.full_url(**{name: value}), value == current)
            for value, label in labels.items()
        ]

    def read_tab(self, name: str, values: Container[str], default: str = "") -> str:
        value = self.asked.get(name, "")
        self._tabs[name] = value if value in values else default
        return self._tabs[name]

    def read_choice(self, name: str, values: Container[str]) -> str:
        """Read one of `values`; any other filters nothing."""
        value = self.asked.get(name, "")
        return self._keep(name, value if value in values else "")

    def read_waiting(self) -> bool:
        """Read the filter by which the overview links to the rows that wait for somebody."""
        return self._keep("waiting", "1" if self.asked.get("waiting") == "1" else "") == "1"

    def read_strict_choice(self, name: str, values: Container[str]) -> str:
        """Read one of `values`; for any other nothing matches."""
        value = self.asked.get(name, "")
        return value if self._require(name, is_known=value in values) else ""

    def read_row(self, name: str, rows: QuerySet[M]) -> M | None:
        """Read the id of one of `rows`; for any other nothing matches."""
        id = self.asked.get(name, "")
        row = rows.filter(pk=int(id)).first() if is_id(id) else None
        return row if self._require(name, is_known=row is not None) else None

    def read_pattern(self, name: str, pattern: str) -> str:
        value = self.asked.get(name, "")
        return self._keep(name, value if re.fullmatch(pattern, value, re.ASCII) else "")

    def read_day(self, name: str) -> date | None:
        """Read a day such as 2026-12-31, of the years that every time zone can express."""
        try:
            day = parse_date(self.asked.get(name, ""))
        except ValueError:
            day = None
        day = day if day and 1970 <= day.year < 9999 else None
        self._keep(name, day.isoformat() if day else "")
        return day

    def _keep(self, name: str, value: str) -> str:
        self._filters[name] = value
        return value

    def _require(self, name: str, *, is_known: bool) -> bool:
        """Remember the value even if it is unknown: without it the other addresses would be about more rows."""
        value = self._keep(name, self.asked.get(name, "")[:VALUE_MAX])
        self.matches_nothing |= bool(value) and not is_known
        return is_known


def submitted_query(request: HttpRequest) -> QueryDict:
    """Return the parameters of a list on which a form acts: in its fields, or in its address."""
    asked = request.GET.copy()
    asked.update(request.POST)
    return asked


def is_id(text: str) -> bool:
    """True for a number that every integer column can be compared with."""
    return re.fullmatch(r"\d{1,18}", text, re.ASCII) is not None


def _set(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
