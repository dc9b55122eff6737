"""Find the row of headings in a sheet, and the column that each heading means."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from operator import itemgetter
from typing import Any

from directory.imports.columns import BY_NAME, COLUMNS, REASON, STATUS
from directory.imports.reading.cells import show_cell
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.reading.titles import HEADING_ROWS, known_headings, plain_heading, split_number

EXACT = {plain_heading(title): column.name for column in COLUMNS for title in column.headings}
# The rank among a column's names, and the column. Its headings are here too: one half of 姓名/Name is enough.
RANKED = {
    plain_heading(title): (rank, column.name)
    for column in COLUMNS
    for rank, title in enumerate((*column.headings, *column.aliases))
}
# In the template of WeCom 别名 is a nickname, and these headings stand beside it; the first of ours does not.
NICKNAMES, OURS = {"别名", "alias"}, set(map(plain_heading, BY_NAME["prefix"].headings))
WECOM = {"企业邮箱", "个人邮箱", "座机", "激活成员", "businessemail", "personalemail", "telephone"}
IGNORED = {plain_heading(title) for title in (*REASON, *STATUS)}


@dataclass(frozen=True)
class Heading:
    """The row of headings: its number, the index of each column, all titles as written, and those not understood.

    `is_joined` if it was put together from several rows, of which it is the last.
    """

    row: int
    indexes: dict[str, int]
    titles: list[str]
    unknown: list[str]
    is_joined: bool = False

    def values(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the cells of the known columns; those beyond a short row are blank."""
        if len(cells) < self.width:
            cells = [*cells, *[""] * (self.width - len(cells))]
        return dict(zip(self.indexes, self._pick(cells), strict=True))

    def with_repairs(self, cells: Sequence[Any], repairs: Mapping[str, Any]) -> list[Any]:
        """Return the cells with other values in the named columns."""
        repaired = [*cells, *[""] * (self.width - len(cells))]
        for name, text in repairs.items():
            repaired[self.indexes[name]] = text
        return repaired

    def by_column(self, texts: Iterable[tuple[int, str]], *, without: Container[str]) -> dict[str, str]:
        """Return texts given by index by the name of their column, as far as it is known."""
        names = {index: name for name, index in self.indexes.items() if name not in without}
        return {names[index]: text for index, text in texts if index in names}

    @cached_property
    def width(self) -> int:
        """The number of cells up to the last known column."""
        return max(self.indexes.values()) + 1

    @cached_property
    def _pick(self) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        indexes = list(self.indexes.values())
        # With one index itemgetter returns no tuple.
        return itemgetter(*indexes) if len(indexes) > 1 else lambda cells: (cells[indexes[0]],)


@dataclass
class _Match:
    """What a row would mean as the row of headings."""

    titles: list[str]
    indexes: dict[str, int] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    is_joined: bool = False

    @property
    def is_heading(self) -> bool:
        """True if more than half of its titles are known."""
        return len(self.indexes) * 2 > len([title for title in self.titles if title])

    @property
    def unknown(self) -> list[str]:
        known = self.indexes.values()
        rest = [title for index, title in enumerate(self.titles) if title and index not in known]
        return [title for title in rest if plain_heading(title) not in IGNORED]


def find_heading(rows: Iterable[tuple[int, Sequence[Any]]], *, is_update: bool) -> Heading:
    """Return the heading in the first 10 rows of a sheet, given with their numbers. Raises WorkbookRefused."""
    (number, match), *more = _heading_rows((number, cells) for number, cells in rows if number <= HEADING_ROWS)
    if more and more[0][1].is_heading:
        raise WorkbookRefused("headings_twice", f"{number}, {more[0][0]}")
    if match.repeated:
        raise WorkbookRefused("heading_twice", ", ".join(match.repeated))
    if missing := _missing(match.indexes, is_update=is_update):
        raise WorkbookRefused("heading_missing", ", ".join(missing))
    return Heading(number, match.indexes, match.titles, match.unknown, match.is_joined)


def _heading_rows(rows: Iterable[tuple[int, Sequence[Any]]]) -> list[tuple[int, _Match]]:
    """Return the rows that name columns, at least one. Raises WorkbookRefused."""
    candidates = [candidate for candidate in _candidates(rows) if candidate[1].indexes]
    if not candidates:
        raise WorkbookRefused("no_heading")
    # With a single heading the refusal can name those that are missing.
    return [(number, match) for number, match in candidates if len(match.indexes) >= 2] or candidates[:1]


def _candidates(rows: Iterable[tuple[int, Sequence[Any]]]) -> list[tuple[int, _Match]]:
    """Return what each row would mean; rows of merged headings count as one, at the number of the lowest."""
    found: list[tuple[int, _Match]] = []
    for number, cells in rows:
        match = _match([show_cell(cell).strip() for cell in cells])
        if found and found[-1][0] == number - 1 and (joined := _join(found[-1][1], match)):
            found[-1] = number, joined
        else:
            found.append((number, match))
    return found


def _join(upper: _Match, lower: _Match) -> _Match | None:
    """Return two rows as one, each title from the lower cell or else the upper, if that names more columns."""
    if not upper.indexes or len(lower.indexes) * 2 < sum(map(bool, lower.titles)) or not lower.indexes:
        return None
    joined = _match([below or above for above, below in zip_longest(upper.titles, lower.titles, fillvalue="")])
    joined.is_joined = True
    return joined if set(joined.indexes) > set(upper.indexes) and set(joined.indexes) >= set(lower.indexes) else None


def _match(titles: list[str]) -> _Match:
    match = _Match(titles)
    titles = _without_nicknames(titles)
    numbered = [split_number(title) for title in titles]
    for index, title in enumerate(titles):
        name = EXACT.get(plain_heading(title)) if not numbered[index][1] else None
        if name in match.indexes:
            match.repeated.append(title)
        elif name:
            match.indexes[name] = index
    _add_aliases(match, numbered)
    return match


def _add_aliases(match: _Match, numbered: Sequence[tuple[str, int]]) -> None:
    # Titles without a number come first, then 手机1 before 手机2. Of several aliases of one column the first in its
    # list wins, in any order of columns: 企业邮箱 before 邮箱.
    aliases = sorted(
        (number, rank, index, name) for index, (title, number) in enumerate(numbered) for rank, name in _aliased(title)
    )
    for _number, _rank, index, name in aliases:
        if name not in match.indexes and index not in match.indexes.values():
            match.indexes[name] = index


def _without_nicknames(titles: list[str]) -> list[str]:
    """Blank the title of nicknames in the template of WeCom: they are no addresses."""
    plain = {plain_heading(title) for title in titles}
    if not plain & NICKNAMES or not plain & WECOM or plain & OURS:
        return titles
    return ["" if plain_heading(title) in NICKNAMES else title for title in titles]


def _aliased(title: str) -> list[tuple[int, str]]:
    """Return the columns, with their ranks, that a title names by an alias or in two languages (姓名/Name)."""
    found = {RANKED[heading] for heading in known_headings(title, RANKED)}
    return list(found) if len({name for _rank, name in found}) == 1 else []


def _missing(indexes: Mapping[str, int], *, is_update: bool) -> list[str]:
    """Return the missing headings; an update needs only a column that identifies members."""
    if is_update and ("account" in indexes or "prefix" in indexes):
        return []
    return ["/".join(column.headings) for column in COLUMNS if column.is_required and column.name not in indexes]
