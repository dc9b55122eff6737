"""What the pages of imports show: the history, and the rows of one import."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.models import Role
from core.list_query import ListQuery
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from core.translatable import render_message
from directory.access import imports_of
from directory.imports.check import JOIN_AGAIN
from directory.imports.columns import BY_NAME
from directory.imports.reading.cells import show_cell
from directory.imports.workbook_writer import GUIDANCE, LISTS
from directory.models import Import, ImportRow

BAD_ROWS_SHOWN = 100
# As many digits as the shortest phone number has, with up to three other characters between them.
NUMBER = re.compile(r"\d(?:\W{0,3}\d){6,}")
NOTED_ROWS_SHOWN = 50
WORKING = {Import.State.CHECKING, Import.State.APPLYING}
TONES: dict[str, str] = {
    Import.State.CHECKING: "accent", Import.State.READY: "accent", Import.State.APPLYING: "accent",
    Import.State.DONE: "good", Import.State.FAILED: "bad", Import.State.CANCELLED: "neutral",
}  # fmt: skip


@dataclass(frozen=True)
class BadCell:
    """A cell and what is wrong with it; `name` and `title` are the column's name and heading."""

    name: str
    title: str
    text: str
    reasons: list[str]


@dataclass(frozen=True)
class ShownRow:
    number: int
    who: str
    cells: list[BadCell] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)


def read_number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 9 else 0


def is_working(imported: Import) -> bool:
    return imported.state in WORKING or bool(imported.follow_up)


def is_still_bad(imported: Import, number: int) -> bool:
    """Return True if a row is refused after its repair; False while all rows are still being checked again."""
    refused = imported.rows.filter(number=number, verdict=ImportRow.Verdict.REFUSED)
    return imported.state == Import.State.READY and not is_working(imported) and refused.exists()


class ImportQuery(ListQuery):
    """The parameters of the list of imports; `q` is searched in the names of files and authors."""

    page_size = 20

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role

    def matching(self) -> QuerySet[Import]:
        found = imports_of(self.role)
        if not self.text:
            return found
        return found.filter(Q(file_name__icontains=self.text) | Q(author_name__icontains=self.text))


def history_of(role: Role, asked: QueryDict) -> tuple[list[tuple[Import, str]], Page[Import], str]:
    """Return a page of imports, newest first, each with the tone of its state; and the search text."""
    query = ImportQuery(asked, role)
    count = count_capped(query.matching())
    count_text = ngettext("%(n)s import", "%(n)s imports", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(query.matching()), query, count_text=count_text)
    return [(imported, TONES[imported.state]) for imported in page.rows], page, query.text


@dataclass(frozen=True)
class BadRows:
    """A page of refused rows, which begins after the row `after`."""

    rows: list[ShownRow]
    pages: Page[ImportRow]
    after: int


def bad_rows(imported: Import, asked: QueryDict) -> BadRows:
    """Return a hundred refused rows: those after the row `row`, or those before the row `before`."""
    refused = imported.rows.filter(verdict=ImportRow.Verdict.REFUSED)
    after, before = (read_number(asked.get(name, "")) for name in ("row", "before"))
    found = [] if before else list(refused.filter(number__gt=after).order_by("number")[: BAD_ROWS_SHOWN + 1])
    if found or not (before or after):
        rows, has_next = found[:BAD_ROWS_SHOWN], len(found) > BAD_ROWS_SHOWN
        has_previous = bool(after) and refused.filter(number__lte=after).exists()
    else:
        # Also if `row` is beyond the last one, which may have been repaired meanwhile.
        below = refused.filter(number__lt=before) if before else refused.filter(number__lte=after)
        found = list(below.order_by("-number")[: BAD_ROWS_SHOWN + 1])
        rows, has_previous, has_next = found[:BAD_ROWS_SHOWN][::-1], len(found) > BAD_ROWS_SHOWN, bool(before)
    count = number_format(imported.refused, force_grouping=True)
    # With the path: a refused repair shows this page under its own URL.
    url = reverse("directory:import_detail", args=[imported.pk])
    pages = Page(
        rows=rows,
        count_text=ngettext("%(n)s row with errors", "%(n)s rows with errors", imported.refused) % {"n": count},
        previous_url=f"{url}?before={rows[0].number}#bad-rows" if rows and has_previous else "",
        next_url=f"{url}?row={rows[-1].number}#bad-rows" if rows and has_next else "",
    )
    shown = [ShownRow(row.number, _who(imported, row), _bad_cells(imported, row)) for row in rows]
    return BadRows(shown, pages, rows[0].number - 1 if rows and has_previous else 0)


def page_with(imported: Import, number: int, after: int) -> QueryDict:
    """Return the query of the page that begins after `after` if it shows the row `number`, else of one that does."""
    between = imported.rows.filter(verdict=ImportRow.Verdict.REFUSED, number__gt=after, number__lt=number)
    return QueryDict(f"row={after if after < number and between.count() < BAD_ROWS_SHOWN else number - 1}")


def next_bad_row(imported: Import, number: int) -> int:
    """Return the first refused row after `number`, or else the last one; 0 if there is none, or none known yet."""
    if is_working(imported):
        return 0
    refused = imported.rows.filter(verdict=ImportRow.Verdict.REFUSED).values_list("number", flat=True)
    return refused.filter(number__gt=number).order_by("number").first() or refused.order_by("-number").first() or 0


def noted_rows(imported: Import) -> list[ShownRow]:
    """Return rows that would change a member, or whose cells were repaired."""
    verdicts = [ImportRow.Verdict.NEW, ImportRow.Verdict.CHANGED]
    rows = imported.rows.filter(verdict__in=verdicts).exclude(notes=[]).order_by("number")[:NOTED_ROWS_SHOWN]
    return [ShownRow(row.number, _who(imported, row), notes=[_shown_note(note) for note in row.notes]) for row in rows]


def left_out_rows(imported: Import) -> list[ShownRow]:
    rows = imported.rows.filter(verdict=ImportRow.Verdict.LEFT_OUT).order_by("number")[:NOTED_ROWS_SHOWN]
    return [ShownRow(row.number, _who(imported, row)) for row in rows]


def kept_rows(imported: Import) -> list[ShownRow]:
    """Return the rows that an undo did not undo, with the reasons."""
    rows = imported.rows.filter(undo=ImportRow.Undo.KEPT).order_by("number")[:BAD_ROWS_SHOWN]
    return [ShownRow(row.number, _who(imported, row), _bad_cells(imported, row)) for row in rows]


def unlinked_rows(imported: Import) -> list[ShownRow]:
    """Return undone rows of members who had joined before the import changed their phone: they must join again."""
    undone = imported.rows.filter(undo=ImportRow.Undo.UNDONE, verdict=ImportRow.Verdict.UPDATED)
    unlinked = undone.annotate(text=Cast("notes", TextField())).filter(text__contains=JOIN_AGAIN).order_by("number")
    return [
        ShownRow(row.number, _who(imported, row), notes=[_shown_note(one) for one in row.notes if _warns(one)])
        for row in unlinked[:BAD_ROWS_SHOWN]
    ]


def with_numbers_masked(rows: list[ShownRow]) -> list[ShownRow]:
    """Return the rows for a reader who may not see phones.

    Cells of phones are left out, for they may be written in any way; whatever looks like a number is masked elsewhere.
    """
    return [_masked(row) for row in rows]


def remarks(imported: Import) -> list[str]:
    """Return what an administrator should know about how the file was read."""
    heading = imported.heading
    unknown = heading["columns"]["unknown"]
    texts = []
    if unknown:
        texts.append(
            _("These columns aren't recognized and are ignored: %(names)s") % {"names": _(", ").join(unknown[:20])}
        )
    if others := [name for name in heading["other_sheets"] if name not in {*LISTS, *GUIDANCE}]:
        names = {"sheet": heading["sheet"], "names": _(", ").join(others)}
        texts.append(_("Only the sheet “%(sheet)s” is read. Not read: %(names)s") % names)
    if rows := heading["hidden_rows"]:
        texts.append(ngettext("%(n)d hidden row is also read.", "%(n)d hidden rows are also read.", rows) % {"n": rows})
    if columns := heading["hidden_columns"]:
        text = ngettext("%(n)d hidden column is also read.", "%(n)d hidden columns are also read.", columns)
        texts.append(text % {"n": columns})
    return texts


def _warns(note: dict[str, str]) -> bool:
    return note["kind"] == "warning"


def _masked(row: ShownRow) -> ShownRow:
    cells = [
        replace(
            cell, text="" if cell.name == "phone" else _mask(cell.text), reasons=[_mask(text) for text in cell.reasons]
        )
        for cell in row.cells
    ]
    notes = [note | {end: _mask(note.get(end) or "") for end in ("from", "to")} for note in row.notes]
    return replace(row, who=_mask(row.who), cells=cells, notes=notes)


def _mask(text: str) -> str:
    """Mask numbers as sms.phones does."""
    return NUMBER.sub(lambda number: f"{number[0][:3]}****{number[0][-4:]}", text)


def _shown_note(note: dict[str, str]) -> dict[str, str]:
    """Return a note with our own texts translated."""
    shown = note | {"title": _title(note["column"])}
    if _warns(note) or note["column"] == "activation":
        shown |= {end: _(note[end]) for end in ("from", "to") if note[end]}
    return shown


def _bad_cells(imported: Import, row: ImportRow) -> list[BadCell]:
    places, cells = imported.heading["columns"]["places"], row.cells or []
    reasons: dict[str, list[str]] = {}
    for problem in row.problems:
        reasons.setdefault(problem["column"], []).append(render_message(problem))
    return [BadCell(name, _title(name), _text_at(cells, places.get(name)), texts) for name, texts in reasons.items()]


def _text_at(cells: list[Any], index: int | None) -> str:
    return show_cell(cells[index]) if index is not None and index < len(cells) else ""


def _title(name: str) -> str:
    return BY_NAME[name].heading(get_language() or "").rstrip("*") if name in BY_NAME else ""


def _who(imported: Import, row: ImportRow) -> str:
    if row.cells is None:
        return str((row.facts or {}).get("name", ""))
    places: dict[str, int] = imported.heading["columns"]["places"]
    texts: Iterable[str] = (_text_at(row.cells, places.get(name)) for name in ("name", "prefix", "account"))
    return next((text for text in texts if text), "")
