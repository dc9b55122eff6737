"""The file `index` of a checked import: where its rows are, so that any page of them is read without the others.

A line of JSON holds the counts by verdict and the departments that would be created. Then follow the positions of all
rows, the refused ones first, and once more those of each other verdict, in the order of the sheet. A position is a pair
of 64-bit integers: the row's number in the sheet, and where its line begins in the plan, if it has one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, chain
from os import SEEK_END
from typing import IO

import orjson

from directory.models import ImportRow

NOT_PLANNED = -1
DEPARTMENTS_LISTED = 500
ITEM_BYTES = 8
Position = tuple[int, int]
Verdict = ImportRow.Verdict
NEW, REFUSED = Verdict.NEW.value, Verdict.REFUSED.value
# The verdicts with a list of their own; the refused rows begin the list of all rows.
LISTED = [verdict.value for verdict in (Verdict.NEW, Verdict.CHANGED, Verdict.UNCHANGED, Verdict.LEFT_OUT)]


class IndexBuilder:
    """Collects the positions of the rows, which are added in the order of the sheet."""

    def __init__(self) -> None:
        self._lists = {verdict: array("q") for verdict in (REFUSED, *LISTED)}
        # All but the refused rows.
        self._others = array("q")

    def add(self, number: int, verdict: str, offset: int = NOT_PLANNED) -> None:
        position = number, offset
        self._lists[verdict].extend(position)
        if verdict != REFUSED:
            self._others.extend(position)

    def refuse(self, numbers: Collection[int]) -> None:
        """Move rows that were added with another verdict to the refused ones."""
        moved = [position for position in _positions(self._others) if position[0] in numbers]
        self._lists[REFUSED] = _flat(sorted([*_positions(self._lists[REFUSED]), *moved]))
        self._others = _without(self._others, numbers)
        for verdict in LISTED:
            self._lists[verdict] = _without(self._lists[verdict], numbers)

    def write(self, file: IO[bytes], departments: Sequence[str]) -> None:
        header = {
            "counts": {verdict: len(found) // 2 for verdict, found in self._lists.items()},
            "departments": departments[:DEPARTMENTS_LISTED],
            "departments_count": len(departments),
        }
        file.write(orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE))
        for found in (self._lists[REFUSED], self._others, *(self._lists[verdict] for verdict in LISTED)):
            found.tofile(file)


class RowIndex:
    """Reads an index. `counts` are by verdict, and under "" of all rows. Raises ValueError if it is incomplete."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            header = orjson.loads(file.readline())
            self.departments: list[str] = header["departments"]
            self.departments_count: int = header["departments_count"]
            self.counts = Counter[str](header["counts"])
        except KeyError as error:
            raise ValueError("The header lacks a value.") from error
        self.counts[""] = self.counts.total()
        self._file, begin = file, file.tell()
        sizes = [2 * ITEM_BYTES * self.counts[verdict] for verdict in ("", *LISTED)]
        self._begins = dict(zip(("", *LISTED), accumulate(sizes, initial=begin), strict=False))
        self._begins[REFUSED] = begin
        if file.seek(0, SEEK_END) != begin + sum(sizes):
            raise ValueError("Positions are missing.")

    def read(self, verdict: str, start: int, limit: int) -> list[Position]:
        """Return the positions of some of the rows with this verdict, or with "" of all rows."""
        return list(_positions(self._read(verdict, start, min(limit, self.counts[verdict] - start))))

    def find(self, verdict: str, numbers: Collection[int]) -> list[Position]:
        """Return the positions of those of these rows that have this verdict, which isn't ""."""
        count = self.counts[verdict]
        items = self._read(verdict, 0, count)
        found = []
        for number in numbers:
            index = bisect_left(range(count), number, key=lambda index: items[2 * index])
            if index < count and items[2 * index] == number:
                found.append((number, items[2 * index + 1]))
        return found

    def _read(self, verdict: str, start: int, count: int) -> array[int]:
        self._file.seek(self._begins[verdict] + 2 * ITEM_BYTES * start)
        items = array("q")
        items.frombytes(self._file.read(2 * ITEM_BYTES * max(0, count)))
        return items


def _positions(items: array[int]) -> Iterator[Position]:
    return zip(items[::2], items[1::2], strict=True)


def _flat(positions: Iterable[Position]) -> array[int]:
    return array("q", chain.from_iterable(positions))


def _without(items: array[int], numbers: Collection[int]) -> array[int]:
    return _flat(position for position in _positions(items) if position[0] not in numbers)
