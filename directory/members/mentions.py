"""Erase the problems of import rows that name people who are erased, such as "138 0013 8000 belongs to 张三".

An enterprise may have hundreds of thousands of refused rows. They are read before it is locked; under the lock only
those follow that were written meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from accounts.models import Enterprise
from core.translatable import SerializedMessage, render_message
from directory.models import Import, ImportRow

CHUNK = 2000
# Only these rows have problems that name people.
NAMING = (Q(verdict=ImportRow.Verdict.REFUSED), Q(undo=ImportRow.Undo.KEPT))
# A worker may be writing to the rows of these imports.
WORKED_ON = Q(state=Import.State.APPLYING) | ~Q(follow_up="")


@dataclass(frozen=True)
class Person:
    """A name, and what a text must contain beside it to be about this person: addresses, account or phone."""

    name: str
    keys: frozenset[str]

    def is_named_in(self, text: str) -> bool:
        return self.name in text and any(key in text for key in self.keys)


@dataclass(frozen=True)
class Searched:
    """What `erase_mentions` has read: all rows up to an id, except those of imports that were being worked on."""

    row_id: int
    changing: frozenset[int]


def erase_mentions(enterprise: Enterprise, people: Collection[Person]) -> Searched:
    """Delete the problems that name these people. Call it before the enterprise is locked."""
    imports = Import.objects.filter(enterprise=enterprise)
    changing = frozenset(imports.filter(WORKED_ON).values_list("pk", flat=True))
    last = ImportRow.objects.aggregate(last=Max("pk"))["last"] or 0
    _erase_in(imports, people)
    return Searched(last, changing)


def erase_later_mentions(enterprise: Enterprise, people: Collection[Person], searched: Searched) -> None:
    """Delete the problems that were written since. Call it under the enterprise's lock, which all writers hold."""
    imports = Import.objects.filter(enterprise=enterprise)
    _erase_in(imports.filter(WORKED_ON | Q(pk__in=searched.changing)), people)
    rows = ImportRow.objects.filter(pk__gt=searched.row_id, import_job__enterprise=enterprise)
    for naming in NAMING:
        _erase_from(rows.filter(naming).values_list("pk", "problems"), people)


def _erase_in(imports: QuerySet[Import], people: Collection[Person]) -> None:
    """Read import by import, because the indexes on rows with problems begin with the import."""
    for id in imports.order_by("pk").values_list("pk", flat=True):
        for naming in NAMING:
            for rows in _chunks(ImportRow.objects.filter(naming, import_job=id)):
                _erase_from(rows, people)


def _chunks(rows: QuerySet[ImportRow]) -> Iterator[list[tuple[int, list[SerializedMessage]]]]:
    last = 0
    while True:
        chunk = list(rows.filter(number__gt=last).order_by("number").values_list("number", "pk", "problems")[:CHUNK])
        yield [(id, problems) for _number, id, problems in chunk]
        if len(chunk) < CHUNK:
            return
        last = chunk[-1][0]


def _erase_from(rows: Collection[tuple[int, list[SerializedMessage]]], people: Collection[Person]) -> None:
    if not people:
        return
    names = re.compile("|".join(sorted({re.escape(person.name) for person in people})))
    for id, problems in rows:
        if any(names.search(text) for problem in problems for text in _texts(problem)):
            _erase_from_row(id, people)


def _erase_from_row(id: int, people: Collection[Person]) -> None:
    """Read the row again, locked: a worker may have changed it."""
    with transaction.atomic():
        row = ImportRow.objects.select_for_update().filter(pk=id).only("problems").first()
        if row is None:
            return
        texts = map(render_message, row.problems)
        kept = [
            problem
            for problem, text in zip(row.problems, texts, strict=True)
            if not any(person.is_named_in(text) for person in people)
        ]
        if len(kept) < len(row.problems):
            row.problems = kept
            row.save(update_fields=["problems"])


def _texts(problem: SerializedMessage) -> Iterator[str]:
    """Yield what a problem may name people in, without translating it."""
    yield problem["text"]
    for value in problem.get("params", {}).values():
        yield str(value)
