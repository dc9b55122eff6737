"""Find the row of headings in a sheet, and the column that each heading means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

from directory.imports.columns import COLUMNS, REASON, STATUS
from directory.imports.reading.cells import show_cell
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.reading.titles import known_headings, plain_heading, split_number

HEADING_ROWS = 10
EXACT = {plain_heading(title): column.name for column in COLUMNS for title in column.headings}
# The rank among a column's names, and the column. Its headings are here too: one half of 姓名/Name is enough.
RANKED = {
    plain_heading(title): (rank, column.name)
    for column in COLUMNS
    for rank, title in enumerate((*column.headings, *column.aliases))
}
IGNORED = {plain_heading(title) for title in (*REASON, *STATUS)}


@dataclass(frozen=True)
class Heading:
    """The row of headings: its number, the index of each column, all titles as written, and those not understood."""

    row: int
    places: dict[str, int]
    titles: list[str]
    unknown: list[str]

    def values(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the cells of the known columns; those beyond a short row are blank."""
        if len(cells) < self.width:
            cells = [*cells, *[""] * (self.width - len(cells))]
        return dict(zip(self.places, self._pick(cells), strict=True))

    def with_repairs(self, cells: Sequence[Any], repairs: Mapping[str, Any]) -> list[Any]:
        """Return the cells with other values in the named columns."""
        repaired = [*cells, *[""] * (self.width - len(cells))]
        for name, text in repairs.items():
            repaired[self.places[name]] = text
        return repaired

    @cached_property
    def width(self) -> int:
        """The number of cells up to the last known column."""
        return max(self.places.values()) + 1

    @cached_property
    def _pick(self) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        indexes = list(self.places.values())
        # With one index itemgetter returns no tuple.
        return itemgetter(*indexes) if len(indexes) > 1 else lambda cells: (cells[indexes[0]],)


@dataclass
class _Match:
    """What a row would mean as the row of headings."""

    titles: list[str]
    places: dict[str, int] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)

    @property
    def is_heading(self) -> bool:
        """True if more than half of its titles are known."""
        return len(self.places) * 2 > len([title for title in self.titles if title])

    @property
    def unknown(self) -> list[str]:
        known = self.places.values()
        rest = [title for index, title in enumerate(self.titles) if title and index not in known]
        return [title for title in rest if plain_heading(title) not in IGNORED]


def find_heading(rows: Iterable[tuple[int, Sequence[Any]]], *, is_update: bool) -> Heading:
    """Return the heading in the first 10 rows of a sheet, given with their numbers. Raises WorkbookRefused."""
    candidates = [(number, _match(cells)) for number, cells in rows if number <= HEADING_ROWS]
    known = [(number, match) for number, match in candidates if len(match.places) >= 2]
    if not known:
        # With a single heading the refusal can name those that are missing.
        known = [(number, match) for number, match in candidates if match.places][:1]
    if not known:
        raise WorkbookRefused("no_heading")
    (number, match), *more = known
    if more and more[0][1].is_heading:
        raise WorkbookRefused("headings_twice", f"{number}, {more[0][0]}")
    if match.repeated:
        raise WorkbookRefused("heading_twice", ", ".join(match.repeated))
    if missing := _missing(match.places, is_update=is_update):
        raise WorkbookRefused("heading_missing", ", ".join(missing))
    return Heading(number, match.places, match.titles, match.unknown)


def _match(cells: Sequence[Any]) -> _Match:
    match = _Match([show_cell(cell).strip() for cell in cells])
    numbered = [split_number(title) for title in match.titles]
    for index, title in enumerate(match.titles):
        name = EXACT.get(plain_heading(title)) if not numbered[index][1] else None
        if name in match.places:
            match.repeated.append(title)
        elif name:
            match.places[name] = index
    # Titles without a number come first, then 手机1 before 手机2. Of several aliases of one column the first in its
    # list wins, in any order of columns: 企业邮箱 before 邮箱.
    aliases = sorted(
        (number, rank, index, name) for index, (title, number) in enumerate(numbered) for rank, name in _aliased(title)
    )
    for _number, _rank, index, name in aliases:
        if name not in match.places and index not in match.places.values():
            match.places[name] = index
    return match


def _aliased(title: str) -> list[tuple[int, str]]:
    """Return the columns, with their ranks, that a title names by an alias or in two languages (姓名/Name)."""
    found = {RANKED[heading] for heading in known_headings(title, RANKED)}
    return list(found) if len({name for _rank, name in found}) == 1 else []


def _missing(places: Mapping[str, int], *, is_update: bool) -> list[str]:
    """Return the missing headings; an update needs only a column that identifies members."""
    if is_update and ("account" in places or "prefix" in places):
        return []
    return ["/".join(column.headings) for column in COLUMNS if column.is_required and column.name not in places]
