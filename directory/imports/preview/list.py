"""The rows of an import that its page lists: a hundred at a time, by what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role
from core.list_query import ListQuery
from core.pagination import Page
from directory.imports.preview.index import LISTED, REFUSED
from directory.imports.preview.shown import ShownRow, show_rows
from directory.imports.row_files import RowFiles
from directory.imports.transitions import State, Verdict
from directory.models import Import, ImportRow

PAGE_SIZE = 100
# Rows of an import that is over are asked for by what was planned, so that addresses stay good.
APPLIED = {Verdict.NEW.value: Verdict.CREATED.value, Verdict.CHANGED.value: Verdict.UPDATED.value}
PLANNED = {applied: planned for planned, applied in APPLIED.items()}


@dataclass(frozen=True)
class VerdictTab:
    """A part of the rows, with the name of its count; `url` is "" where the rows can't be listed."""

    name: str
    label: str
    count: int
    url: str
    is_current: bool


class RowQuery(ListQuery):
    """The parameters of an import's rows: `verdict`, and `page` from 1. Any value leads to a page that exists."""

    def __init__(self, asked: QueryDict, imported: Import) -> None:
        super().__init__(asked)
        self.imported = imported
        verdict = asked.get("verdict", "")
        verdict = PLANNED.get(verdict, verdict)
        self.verdict = self._tabs["verdict"] = verdict if verdict in (REFUSED, *LISTED) else ""

    @property
    def is_first_page(self) -> bool:
        """True for the first page of all rows."""
        return not self.verdict and self.page_number(self.imported.read) == 1

    def full_url(self, **others: Any) -> str:
        """Include the path: a refused repair shows the rows under its own URL."""
        query = self.url(**others).removesuffix("?")
        return f"{reverse('directory:import_detail', args=[self.imported.pk])}{query}#rows"

    def page_number(self, count: int) -> int:
        """Return the page that is asked for, or the last one if it is beyond the end."""
        text = self.asked.get("page", "")
        # Ten digits are beyond any end, and Python refuses to read thousands.
        asked = int(text[:10]) if text.isascii() and text.isdecimal() else 1
        return max(1, min(asked, -(-count // PAGE_SIZE)))

    def page_of(self, rows: list[ShownRow], number: int, count: int) -> Page[ShownRow]:
        first, last = (number - 1) * PAGE_SIZE + 1, min(number * PAGE_SIZE, count)
        text = ngettext("%(first)s–%(last)s of %(n)s row", "%(first)s–%(last)s of %(n)s rows", count)
        figures = {"first": first, "last": last, "n": count}
        return Page(
            rows=rows,
            previous_url=self.full_url(page=number - 1) if number > 1 else "",
            next_url=self.full_url(page=number + 1) if last < count else "",
            count_text=text % {name: number_format(figure, force_grouping=True) for name, figure in figures.items()},
        )

    def verdict_tabs(self) -> list[VerdictTab]:
        imported, is_planned = self.imported, self.imported.is_only_planned
        labels = {
            "": ("read", _("All rows"), imported.read),
            Verdict.NEW: ("created", _("To create") if is_planned else _("Added"), imported.created),
            Verdict.CHANGED: ("updated", _("To update") if is_planned else _("Updated"), imported.updated),
            Verdict.UNCHANGED: ("unchanged", _("Unchanged"), imported.unchanged),
            Verdict.REFUSED: ("refused", _("Errors"), imported.refused),
            Verdict.LEFT_OUT: ("left_out", _("Skipped"), imported.left_out),
        }
        return [
            VerdictTab(*texts, self.full_url(verdict=str(verdict)), verdict == self.verdict)
            for verdict, texts in labels.items()
        ]


class RowList:
    """A page of the rows that `query` asks for, as `role` may see them, and the departments that would be created.

    Planned rows are found by the index of the plan, those of an import that is over in the database. Raises
    FileNotFoundError if the files of a planned import are gone.
    """

    def __init__(self, query: RowQuery, role: Role) -> None:
        self.query, self.imported = query, query.imported
        self.departments: list[str] = []
        self.departments_count = 0
        is_planned = self.imported.state == State.READY
        rows, number, count = self._planned() if is_planned else self._applied()
        self.page = query.page_of(show_rows(self.imported, role, rows), number, count)

    @property
    def other_departments(self) -> int:
        """How many departments would be created beside those that are listed."""
        return self.departments_count - len(self.departments)

    def _planned(self) -> tuple[list[ImportRow], int, int]:
        with RowFiles(self.imported.stored).index() as index:
            self.departments, self.departments_count = index.departments, index.departments_count
            count = index.counts[self.query.verdict]
            number = self.query.page_number(count)
            positions = index.read(self.query.verdict, (number - 1) * PAGE_SIZE, PAGE_SIZE)
        numbers = [position[0] for position in positions]
        stored = {row.number: row for row in self.imported.rows.filter(number__in=numbers)}
        # A row that is neither stored nor refused is in the plan alone.
        new = {number: ImportRow(import_job=self.imported, number=number, verdict=Verdict.NEW) for number in numbers}
        return [stored.get(number, new[number]) for number in numbers], number, count

    def _applied(self) -> tuple[list[ImportRow], int, int]:
        imported, verdict = self.imported, self.query.verdict
        counts = {
            "": imported.accounted, "new": imported.created, "changed": imported.updated,
            "unchanged": imported.unchanged, "refused": imported.refused, "left_out": imported.left_out,
        }  # fmt: skip
        number = self.query.page_number(counts[verdict])
        first = (number - 1) * PAGE_SIZE
        if verdict:
            numbers = _numbers(imported.rows.filter(verdict=APPLIED.get(verdict, verdict)), first, PAGE_SIZE)
        else:
            numbers = _numbers(imported.rows.filter(verdict=REFUSED), first, PAGE_SIZE)
            # What is still planned was not reached.
            others = imported.rows.exclude(verdict__in=[REFUSED, *APPLIED])
            numbers += _numbers(others, max(0, first - imported.refused), PAGE_SIZE - len(numbers))
        rows = {row.number: row for row in imported.rows.filter(number__in=numbers)}
        return [rows[number] for number in numbers], number, counts[verdict]


def query_showing(imported: Import, number: int, verdict: str) -> QueryDict:
    """Return the query of the page of all rows, or with the verdict "refused" of those, with this refused row."""
    before = imported.rows.filter(verdict=REFUSED, number__lt=number).count()
    asked = QueryDict(mutable=True)
    if verdict == REFUSED:
        asked["verdict"] = verdict
    if before >= PAGE_SIZE:
        asked["page"] = str(before // PAGE_SIZE + 1)
    return asked


def refused_numbers(imported: Import) -> QuerySet[ImportRow, int]:
    return imported.rows.filter(verdict=REFUSED).order_by("number").values_list("number", flat=True)


def _numbers(rows: QuerySet[ImportRow], first: int, limit: int) -> list[int]:
    return list(rows.order_by("number").values_list("number", flat=True)[first : first + limit])
