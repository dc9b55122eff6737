"""What the pages of imports show: the history, and the rows of one import."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.models import Role
from accounts.permissions import Permission, may
from core.list_query import ListQuery
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from core.translatable import render_message
from directory.access import imports_of
from directory.imports.actions import waiting_for_code
from directory.imports.check import JOIN_AGAIN
from directory.imports.columns import BY_NAME
from directory.imports.reading.cells import show_cell
from directory.imports.transitions import State, Verdict, members_to_invite
from directory.imports.workbook_writer import GUIDANCE, LISTS
from directory.members.data import PHONE
from directory.models import Import, ImportRow

Undo = ImportRow.Undo
BAD_ROWS_SHOWN = 100
NOTED_ROWS_SHOWN = 50
# As many digits as the shortest phone number has, with up to three other characters between them.
NUMBER = re.compile(r"\d(?:\W{0,3}\d){6,}")
TONES: dict[str, str] = {
    State.CHECKING: "accent", State.READY: "accent", State.APPLYING: "accent",
    State.DONE: "good", State.FAILED: "bad", State.CANCELLED: "neutral",
}  # fmt: skip
STEPS: dict[str, int] = {State.CHECKING: 1, State.READY: 2, State.APPLYING: 3}


class ImportQuery(ListQuery):
    """The parameters of the list of imports; `q` is searched in the names of files and authors."""

    page_size = 20

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role
        self.is_waiting = self.read_waiting()

    def matching(self) -> QuerySet[Import]:
        found = waiting_imports(self.role) if self.is_waiting else imports_of(self.role)
        if not self.text:
            return found
        return found.filter(Q(file_name__icontains=self.text) | Q(author_name__icontains=self.text))


def waiting_imports(role: Role) -> QuerySet[Import]:
    """Return the imports that wait to be confirmed, and those of the last WAITING_DAYS that failed or refused rows."""
    imports, since = imports_of(role), timezone.now() - timedelta(days=settings.WAITING_DAYS)
    has_refused = Q(state=State.DONE, refused__gt=0, undone_at=None)
    return imports.filter(Q(state=State.READY) | Q(finished_at__gte=since) & (has_refused | Q(state=State.FAILED)))


def history_of(role: Role, asked: QueryDict) -> tuple[list[tuple[Import, str]], Page[Import], ImportQuery]:
    """Return a page of imports, newest first, each with the tone of its state; and the query."""
    query = ImportQuery(asked, role)
    count = count_capped(query.matching())
    count_text = ngettext("%(n)s import", "%(n)s imports", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(query.matching()), query, count_text=count_text)
    return [(imported, TONES[imported.state]) for imported in page.rows], page, query


class BadRowQuery(ListQuery):
    """The parameters of the refused rows: the number of the row after which, or before which, the page lies."""

    page_size = BAD_ROWS_SHOWN

    def __init__(self, asked: QueryDict, imported: Import) -> None:
        super().__init__(asked)
        self.imported = imported

    def full_url(self, **others: Any) -> str:
        """Include the path: a refused repair shows the rows under its own URL."""
        return f"{reverse('directory:import_detail', args=[self.imported.pk])}{self.url(**others)}#bad-rows"

    def page(self) -> Page[ImportRow]:
        count = self.imported.refused
        text = ngettext("%(n)s row with errors", "%(n)s rows with errors", count)
        rows = OrderedRows(self.imported.rows.filter(verdict=Verdict.REFUSED), ("number",), is_newest_first=False)
        return read_page(rows, self, count_text=text % {"n": show_count(count, count)})


def query_showing(imported: Import, number: int, after: int) -> QueryDict:
    """Return the query of the page that begins after `after` if it shows the row `number`, else of one that does."""
    refused = refused_numbers(imported)
    if after >= number or refused.filter(number__gt=after, number__lt=number).count() >= BadRowQuery.page_size:
        after = refused.filter(number__lt=number).last() or 0
    return QueryDict(f"after={after}" if after else "")


def refused_numbers(imported: Import) -> QuerySet[ImportRow, int]:
    return imported.rows.filter(verdict=Verdict.REFUSED).order_by("number").values_list("number", flat=True)


@dataclass(frozen=True)
class BadCell:
    """A cell and what is wrong with it; `name` and `title` are the column's name and heading."""

    name: str
    title: str
    text: str
    reasons: list[str]

    def masked(self) -> BadCell:
        """Leave out the text of a phone, which may be written in any way."""
        text = "" if self.name == "phone" else _mask(self.text)
        return replace(self, text=text, reasons=[_mask(reason) for reason in self.reasons])


@dataclass(frozen=True)
class ShownRow:
    number: int
    who: str
    cells: list[BadCell]
    notes: list[dict[str, str]]

    def masked(self) -> ShownRow:
        """Mask whatever looks like a number, for a reader who may not see phones."""
        cells = [cell.masked() for cell in self.cells]
        notes = [note | {end: _mask(note.get(end) or "") for end in ("from", "to")} for note in self.notes]
        return replace(self, who=_mask(self.who), cells=cells, notes=notes)


class ImportPage:
    """One import as a role sees it; `asked` is the query that selects the refused rows."""

    def __init__(self, imported: Import, role: Role, asked: QueryDict) -> None:
        self.imported, self.role, self.asked = imported, role, asked
        self.may_import = may(role, Permission.MANAGE_MEMBERS)
        self.may_read_audit = may(role, Permission.READ_AUDIT)
        self.tone = TONES[imported.state]
        self.steps = [_("Upload"), _("Preview"), _("Import"), _("Result")]
        self.step = STEPS.get(imported.state, len(self.steps))

    @cached_property
    def bad_page(self) -> Page[ImportRow]:
        return BadRowQuery(self.asked, self.imported).page()

    @cached_property
    def bad_rows(self) -> list[ShownRow]:
        return [] if self.imported.is_working else self._shown(self.bad_page.rows, has_cells=True)

    @property
    def bad_after(self) -> int:
        """The number after which the page of refused rows begins."""
        return self.bad_page.rows[0].number - 1 if self.bad_page.previous_url else 0

    @cached_property
    def noted_rows(self) -> list[ShownRow]:
        """Rows that would change a member, or whose cells were repaired."""
        rows = self._previewed([Verdict.NEW, Verdict.CHANGED]).exclude(notes=[])
        return self._shown(rows[:NOTED_ROWS_SHOWN], note_kinds=("repair", "change", "warning"))

    @cached_property
    def left_out_rows(self) -> list[ShownRow]:
        return self._shown(self._previewed([Verdict.LEFT_OUT])[:NOTED_ROWS_SHOWN])

    @cached_property
    def kept_rows(self) -> list[ShownRow]:
        """The rows that an undo did not undo, with the reasons."""
        return self._shown(self._after_undo(Undo.KEPT)[:BAD_ROWS_SHOWN], has_cells=True)

    @cached_property
    def unlinked_rows(self) -> list[ShownRow]:
        """Undone rows of members who had joined before the import changed their phone: they must join again."""
        undone = self._after_undo(Undo.UNDONE).filter(verdict=Verdict.UPDATED)
        unlinked = undone.annotate(text=Cast("notes", TextField())).filter(text__contains=JOIN_AGAIN)
        return self._shown(unlinked[:BAD_ROWS_SHOWN], note_kinds=("warning",))

    @cached_property
    def invitable(self) -> int:
        """How many members of the import could be invited by SMS."""
        is_offered = self.imported.is_over and self.imported.created and may(self.role, Permission.SEND_INVITATIONS)
        return members_to_invite(self.imported).filter(activation=PHONE).count() if is_offered else 0

    @cached_property
    def codes(self) -> int:
        """How many members of the import wait for an activation code."""
        is_offered = self.imported.is_over and self.may_import
        return waiting_for_code(self.imported, self.role).count() if is_offered else 0

    @property
    def may_undo(self) -> bool:
        return self.may_import and self.imported.may_be_undone and self.imported.to_apply > 0

    @cached_property
    def remarks(self) -> list[str]:
        """What an administrator should know about how the file was read."""
        if self.imported.state == State.FAILED:
            return []
        heading, texts = self.imported.heading, []
        if unknown := heading["columns"]["unknown"]:
            text = _("These columns aren't recognized and are ignored: %(names)s")
            texts.append(text % {"names": _(", ").join(unknown[:20])})
        if others := [name for name in heading["other_sheets"] if name not in {*LISTS, *GUIDANCE}]:
            text = _("Only the sheet “%(sheet)s” is read. Not read: %(names)s")
            texts.append(text % {"sheet": heading["sheet"], "names": _(", ").join(others)})
        if rows := heading["hidden_rows"]:
            text = ngettext("%(n)d hidden row is also read.", "%(n)d hidden rows are also read.", rows)
            texts.append(text % {"n": rows})
        if columns := heading["hidden_columns"]:
            text = ngettext("%(n)d hidden column is also read.", "%(n)d hidden columns are also read.", columns)
            texts.append(text % {"n": columns})
        return texts

    def _previewed(self, verdicts: list[Verdict]) -> QuerySet[ImportRow]:
        rows = self.imported.rows if self.imported.state == State.READY else ImportRow.objects.none()
        return rows.filter(verdict__in=verdicts).order_by("number")

    def _after_undo(self, undo: Undo) -> QuerySet[ImportRow]:
        rows = self.imported.rows if self.imported.undone_at else ImportRow.objects.none()
        return rows.filter(undo=undo).order_by("number")

    def _shown(
        self, rows: Iterable[ImportRow], *, has_cells: bool = False, note_kinds: Collection[str] = ()
    ) -> list[ShownRow]:
        shown = [
            ShownRow(
                number=row.number,
                who=self._who(row),
                cells=self._bad_cells(row) if has_cells else [],
                notes=[_shown_note(note) for note in row.notes if note["kind"] in note_kinds],
            )
            for row in rows
        ]
        return shown if self.may_import else [row.masked() for row in shown]

    def _bad_cells(self, row: ImportRow) -> list[BadCell]:
        reasons: dict[str, list[str]] = {}
        for problem in row.problems:
            reasons.setdefault(problem["column"], []).append(render_message(problem))
        return [BadCell(name, _title(name), self._cell_text(row, name), texts) for name, texts in reasons.items()]

    def _who(self, row: ImportRow) -> str:
        if row.cells is None:
            return str((row.facts or {}).get("name", ""))
        return next(filter(None, (self._cell_text(row, name) for name in ("name", "prefix", "account"))), "")

    def _cell_text(self, row: ImportRow, column: str) -> str:
        index, cells = self.imported.heading["columns"]["places"].get(column), row.cells or []
        return show_cell(cells[index]) if index is not None and index < len(cells) else ""


def _mask(text: str) -> str:
    """Mask numbers as sms.phones does."""
    return NUMBER.sub(lambda number: f"{number[0][:3]}****{number[0][-4:]}", text)


def _shown_note(note: dict[str, str]) -> dict[str, str]:
    """Return a note with our own texts translated."""
    shown = note | {"title": _title(note["column"])}
    if note["kind"] == "warning" or note["column"] == "activation":
        shown |= {end: _(note[end]) for end in ("from", "to") if note[end]}
    return shown


def _title(name: str) -> str:
    return BY_NAME[name].heading(get_language() or "").rstrip("*") if name in BY_NAME else ""
