"""A list of members page by page, by key: the thousandth page costs what the first costs.

A mark (`?after=` or `?before=`) names the row beside which the page begins: the number of the way it was found by,
and its id. No name or phone stands in the address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import and_

from django.db.models import Prefetch, Q, QuerySet

from directory.members.search import Way
from directory.models import Address, Member

PAGE_SIZE = 50


@dataclass(frozen=True)
class MemberPage:
    """Whom it shows, in order. `after` and `before` are the marks of the pages beside this one; empty where there is
    none."""

    ids: list[int]
    before: str
    after: str

    @property
    def members(self) -> list[Member]:
        """With main department and addresses."""
        return _load(self.ids)


def page_of(
    members: QuerySet[Member], ways: list[Way], *, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> MemberPage:
    """`members` already filtered; a mark that means nothing (any more) gives the first page."""
    mark = _read_mark(members, ways, before or after)
    is_back = bool(before and mark)
    rows = _rows(members, ways, mark, size + 1, is_back=is_back)
    if is_back and len(rows) <= size:
        mark, is_back = None, False
        rows = _rows(members, ways, None, size + 1, is_back=False)
    has_more, rows = len(rows) > size, rows[:size]
    if is_back:
        rows.reverse()
    return MemberPage(
        ids=[pk for _way, pk in rows],
        before=_write_mark(rows[0]) if rows and mark else "",
        after=_write_mark(rows[-1]) if rows and (has_more or is_back) else "",
    )


def count_of(members: QuerySet[Member], ways: list[Way], *, cap: int) -> int:
    """How many; `cap` + 1 stands for all that is more."""
    count = 0
    for place in range(len(ways)):
        left = cap + 1 - count
        count += _found_by(members, ways, place).order_by().values("pk")[:left].count()
        if count > cap:
            break
    return count


def _rows(
    members: QuerySet[Member], ways: list[Way], mark: tuple[int, Member] | None, size: int, *, is_back: bool
) -> list[tuple[int, int]]:
    """Way and id of each, in order."""
    start = mark[0] if mark else 0
    rows: list[tuple[int, int]] = []
    for place in range(start, -1, -1) if is_back else range(start, len(ways)):
        found = _found_by(members, ways, place).annotate(key=ways[place].key)
        if mark and place == start:
            found = found.filter(_beyond(mark[1], is_back=is_back))
        order = ("-key", "-pk") if is_back else ("key", "pk")
        # Ids first: an index has them in this order, and nothing wider is sorted or skipped.
        rows += [(place, pk) for pk in found.order_by(*order).values_list("pk", flat=True)[: size - len(rows)]]
        if len(rows) == size:
            break
    return rows


def _found_by(members: QuerySet[Member], ways: list[Way], place: int) -> QuerySet[Member]:
    """Those whom this way finds and no way before it."""
    earlier = [~(way.known or way.found) for way in ways[:place]]
    return members.filter(reduce(and_, earlier, ways[place].found))


def _beyond(member: Member, *, is_back: bool) -> Q:
    """Written so that an index on (key, id) can begin at the row."""
    key = member.key  # type: ignore[attr-defined]
    if is_back:
        return Q(key__lte=key) & (Q(key__lt=key) | Q(pk__lt=member.pk))
    return Q(key__gte=key) & (Q(key__gt=key) | Q(pk__gt=member.pk))


def _read_mark(members: QuerySet[Member], ways: list[Way], mark: str) -> tuple[int, Member] | None:
    parts = re.fullmatch(r"(\d{1,2})\.(\d{1,18})", mark, re.ASCII)
    if not parts or int(parts[1]) >= len(ways):
        return None
    member = members.annotate(key=ways[int(parts[1])].key).filter(pk=int(parts[2])).first()
    return (int(parts[1]), member) if member and member.key is not None else None


def _write_mark(row: tuple[int, int]) -> str:
    return f"{row[0]}.{row[1]}"


def _load(ids: list[int]) -> list[Member]:
    """In this order, with main department and addresses."""
    addresses = Prefetch("addresses", Address.objects.select_related("domain"))
    members = Member.objects.select_related("main_department").prefetch_related(addresses).in_bulk(ids)
    return [members[id] for id in ids if id in members]
