"""The members that a search finds, page by page.

A page's key names the row beside which it begins, by the index of the search that found it and by id: no name or phone
appears in an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, ClassVar

from django.db.models import QuerySet

from core.pagination import Key, beyond_key
from directory.members.search import SearchStrategy
from directory.models import Member

# The index of a search, and a member's id.
FoundMember = tuple[int, int]


@dataclass(frozen=True)
class FoundMembers:
    """The members found by any of `strategies`: those of the first in its order, then what the next one adds."""

    members: QuerySet[Member]
    strategies: list[SearchStrategy]
    key_length: ClassVar[int] = 2
    is_newest_first: ClassVar[bool] = False

    def key_of(self, row: FoundMember) -> Key:
        return row

    def beyond(self, key: Key | None, limit: int, *, is_backward: bool = False) -> list[FoundMember]:
        """Return at most `limit` members after the key, or before it, nearest first; none if the key is stale."""
        start, marked = key[0] if key else 0, self._find(key)
        if key and marked is None:
            return []
        rows: list[FoundMember] = []
        for index in range(start, -1, -1) if is_backward else range(start, len(self.strategies)):
            beside = marked if index == start else None
            ids = self._ids(index, beside, is_backward=is_backward)
            rows += [(index, pk) for pk in ids[: limit - len(rows)]]
            if len(rows) == limit:
                break
        return rows

    def first(self, limit: int) -> list[Member]:
        """Return the first members, with what `members` selects."""
        ids = [pk for _index, pk in self.beyond(None, limit)]
        members = self.members.in_bulk(ids)
        return [members[id] for id in ids if id in members]

    def count(self, cap: int) -> int:
        """Return how many there are, or cap + 1 if there are more than `cap`."""
        count = 0
        for index in range(len(self.strategies)):
            left = cap + 1 - count
            count += self._found_by(index).order_by().values("pk")[:left].count()
            if count > cap:
                break
        return count

    def _ids(self, index: int, beside: Any, *, is_backward: bool) -> QuerySet[Any, int]:
        """Return the ids of those whom this search finds beyond a member; an index has only these in its order."""
        found = self._found_by(index).annotate(key=self.strategies[index].key)
        if beside:
            key = [("key", beside.key), ("pk", beside.pk)]
            found = found.filter(beyond_key(key, is_descending=is_backward))
        return found.order_by(*(("-key", "-pk") if is_backward else ("key", "pk"))).values_list("pk", flat=True)

    def _found_by(self, index: int) -> QuerySet[Member]:
        """Return the members whom this search finds and none before it."""
        earlier = [~(strategy.known or strategy.found) for strategy in self.strategies[:index]]
        return self.members.filter(reduce(and_, earlier, self.strategies[index].found))

    def _find(self, key: Key | None) -> Any:
        """Return the member of a key, annotated with its sort `key`, or None."""
        if key is None or key[0] >= len(self.strategies):
            return None
        member = self.members.annotate(key=self.strategies[key[0]].key).filter(pk=key[1]).first()
        return member if member and member.key is not None else None
