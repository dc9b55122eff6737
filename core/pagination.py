"""Keyset pagination: a page begins at the row that its address names, so the last page costs what the first does.

The parameter `after` asks for the rows with greater keys, `before` for those with smaller ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.formats import number_format

from core.list_query import ListQuery

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")
COUNT_CAP = 10_000
# What tells a row from all others and gives its position; written "3.42" in an address.
Key = tuple[int, ...]


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and the addresses of the pages beside it, "" where there is none."""

    rows: list[Row]
    previous_url: str
    next_url: str
    count_text: str = ""


class KeyedRows(Protocol[Row]):
    """Rows in a fixed order. `key_length`: how many integers make a key."""

    @property
    def key_length(self) -> int: ...

    @property
    def is_newest_first(self) -> bool: ...

    def key_of(self, row: Row) -> Key: ...

    def beyond(self, key: Key | None, limit: int, *, is_backward: bool) -> list[Row]:
        """Return at most `limit` rows that follow `key`, or with None the first ones.

        With `is_backward` return the rows that precede it, the nearest first.
        """


@dataclass(frozen=True)
class OrderedRows(Generic[M]):
    """The rows of a queryset in the order of integer columns, the last of which is unique."""

    queryset: QuerySet[M]
    columns: tuple[str, ...] = ("pk",)
    is_newest_first: bool = True

    @property
    def key_length(self) -> int:
        return len(self.columns)

    def key_of(self, row: M) -> Key:
        return tuple(getattr(row, column) for column in self.columns)

    def beyond(self, key: Key | None, limit: int, *, is_backward: bool) -> list[M]:
        is_descending = self.is_newest_first != is_backward
        found = self.queryset
        if key:
            found = found.filter(beyond_key(list(zip(self.columns, key, strict=True)), is_descending=is_descending))
        order = [f"-{column}" if is_descending else column for column in self.columns]
        return list(found.order_by(*order)[:limit])


def beyond_key(key: list[tuple[str, Any]], *, is_descending: bool) -> Q:
    """Return the condition of the rows beyond these columns' values, in a form that lets an index begin at the key."""
    side = "lt" if is_descending else "gt"
    (column, value), *rest = key
    is_beyond = Q(**{f"{column}__{side}": value})
    if not rest:
        return is_beyond
    return Q(**{f"{column}__{side}e": value}) & (is_beyond | beyond_key(rest, is_descending=is_descending))


def read_page(rows: KeyedRows[Row], query: ListQuery, *, count_text: str = "") -> Page[Row]:
    """Return the page that the address asks for, or the first one if its key is meaningless or beyond the end."""
    onward, backward = ("before", "after") if rows.is_newest_first else ("after", "before")
    back_key = _read_key(query.asked.get(backward, ""), rows.key_length)
    key, is_backward = back_key or _read_key(query.asked.get(onward, ""), rows.key_length), bool(back_key)
    found = rows.beyond(key, query.page_size + 1, is_backward=is_backward)
    if key and len(found) <= (query.page_size if is_backward else 0):
        key, is_backward = None, False
        found = rows.beyond(None, query.page_size + 1, is_backward=False)
    has_next = is_backward or len(found) > query.page_size
    shown = found[: query.page_size]
    if is_backward:
        shown.reverse()

    def url_beside(side: str, row: Row) -> str:
        return query.full_url(**{side: ".".join(map(str, rows.key_of(row)))})

    return Page(
        rows=shown,
        previous_url=url_beside(backward, shown[0]) if key else "",
        next_url=url_beside(onward, shown[-1]) if has_next else "",
        count_text=count_text,
    )


def count_capped(found: QuerySet[Any], cap: int = COUNT_CAP) -> int:
    """Return the number of rows, or cap + 1 if there are more than `cap`."""
    return found.order_by()[: cap + 1].count()


def show_count(count: int, cap: int = COUNT_CAP) -> str:
    """Return a capped count as its reader writes numbers: "1,234", or "10,000+"."""
    plus = "+" if count > cap else ""
    return f"{number_format(min(count, cap), force_grouping=True)}{plus}"


def _read_key(text: str, length: int) -> Key | None:
    pattern = r"\.".join([r"\d{1,18}"] * length)
    return tuple(map(int, text.split("."))) if re.fullmatch(pattern, text, re.ASCII) else None
