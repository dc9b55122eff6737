"""Long lists, a page at a time, by key: the last page costs what the first does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict

M = TypeVar("M", bound=Model)
COUNT_CAP = 10_000


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows, and the addresses of those before and after them; "" where there are none."""

    rows: list[M]
    previous_url: str
    next_url: str


@dataclass(frozen=True)
class Pages:
    """For the pagination component."""

    count_text: str
    previous_url: str
    next_url: str


def read_page(
    found: QuerySet[M], asked: QueryDict, *, url: Callable[..., str], size: int, is_newest_first: bool = True
) -> Page[M]:
    """The page of `found` that the address asks for by `after` (greater ids) or `before` (smaller ones).

    `url(after=1)` is the list's address with all its filters and that key.
    """
    after, before = _key(asked, "after"), _key(asked, "before")
    forth, back = (before, after) if is_newest_first else (after, before)
    to_forth, to_back = ("lt", "gt") if is_newest_first else ("gt", "lt")
    in_order, in_reverse = ("-pk", "pk") if is_newest_first else ("pk", "-pk")
    if back:
        read = list(found.filter(**{f"pk__{to_back}": back}).order_by(in_reverse)[: size + 1])
        rows, has_previous, has_next = read[:size][::-1], len(read) > size, True
    else:
        ahead = found.filter(**{f"pk__{to_forth}": forth}) if forth else found
        read = list(ahead.order_by(in_order)[: size + 1])
        rows, has_previous, has_next = read[:size], bool(forth), len(read) > size
    next_key, previous_key = ("before", "after") if is_newest_first else ("after", "before")
    return Page(
        rows=rows,
        previous_url=url(**{previous_key: rows[0].pk}) if rows and has_previous else "",
        next_url=url(**{next_key: rows[-1].pk}) if rows and has_next else "",
    )


def count_capped(found: QuerySet[Any], cap: int = COUNT_CAP) -> int:
    """How many there are; cap + 1 stands for "more than `cap`"."""
    return found.order_by()[: cap + 1].count()


def _key(asked: QueryDict, name: str) -> int:
    text = asked.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
