"""What the pages of imports show: the history, and the rows of one import."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role
from accounts.permissions import Permission, may
from core.list_query import ListQuery
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from directory.access import imports_of
from directory.imports.actions import waiting_for_code
from directory.imports.check import JOIN_AGAIN
from directory.imports.preview.list import PAGE_SIZE, RowList, RowQuery
from directory.imports.preview.shown import ShownRow, column_titles, show_rows
from directory.imports.reading.remarks import remarks_on
from directory.imports.transitions import State, Verdict, members_to_invite
from directory.imports.undo.counts import UndoCounts
from directory.imports.undo.forecast import forecast_undo
from directory.members.data import PHONE
from directory.models import Import, ImportRow

Undo = ImportRow.Undo
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


class ImportPage:
    """One import as a role sees it; `asked` is the query that selects its rows."""

    def __init__(self, imported: Import, role: Role, asked: QueryDict) -> None:
        self.imported, self.role = imported, role
        self.query = RowQuery(asked, imported)
        self.may_import = may(role, Permission.MANAGE_MEMBERS)
        self.may_read_audit = may(role, Permission.READ_AUDIT)
        self.tone = TONES[imported.state]
        self.steps = [_("Upload"), _("Preview"), _("Import"), _("Result")]
        self.step = STEPS.get(imported.state, len(self.steps)) if imported.is_read else 1

    @cached_property
    def rows(self) -> RowList | None:
        """The rows, or None while a worker changes them and if the files of a planned import are gone."""
        try:
            return None if self.imported.is_working else RowList(self.query, self.role)
        except FileNotFoundError:
            return None

    @property
    def column_titles(self) -> list[str]:
        return column_titles()

    @property
    def days_kept(self) -> int:
        return settings.IMPORT_KEPT_DAYS

    @cached_property
    def kept_rows(self) -> list[ShownRow]:
        """The rows that an undo did not undo, with the reasons."""
        return self._shown(self._after_undo(Undo.KEPT))

    @cached_property
    def unlinked_rows(self) -> list[ShownRow]:
        """Undone rows of members who had joined before the import changed their phone: they must join again."""
        undone = self._after_undo(Undo.UNDONE).filter(verdict=Verdict.UPDATED)
        unlinked = undone.annotate(text=Cast("notes", TextField())).filter(text__contains=JOIN_AGAIN)
        return self._shown(unlinked)

    @property
    def offers_follow_ups(self) -> bool:
        """True if the page counts the members they concern: not on later pages of rows, since that reads all rows."""
        return self.imported.is_over and self.imported.to_apply > 0 and self.query.is_first_page

    @cached_property
    def invitable(self) -> int:
        """How many members of the import could be invited by SMS."""
        is_offered = self.offers_follow_ups and may(self.role, Permission.SEND_INVITATIONS)
        return members_to_invite(self.imported, self.role).filter(activation=PHONE).count() if is_offered else 0

    @cached_property
    def codes(self) -> int:
        """How many members of the import wait for an activation code."""
        is_offered = self.offers_follow_ups and self.may_import
        return waiting_for_code(self.imported, self.role).count() if is_offered else 0

    @property
    def may_undo(self) -> bool:
        return self.may_import and self.imported.may_be_undone

    @property
    def has_counts(self) -> bool:
        """True once rows have been checked."""
        return self.imported.read > 0 or (self.imported.is_read and self.imported.state != State.CHECKING)

    @cached_property
    def undo_forecast(self) -> UndoCounts | None:
        """What an undo would do now, if the role may undo the import."""
        is_offered = self.offers_follow_ups and self.may_undo and not self.imported.is_working
        return forecast_undo(self.imported, self.role) if is_offered else None

    @property
    def undo_result(self) -> UndoCounts | None:
        """What an undo has done."""
        return UndoCounts.from_json(self.imported.undo_counts) if self.imported.undone_at else None

    @cached_property
    def remarks(self) -> list[str]:
        """What an administrator should know about how the file was read."""
        return [] if self.imported.state == State.FAILED else remarks_on(self.imported)

    def _after_undo(self, undo: Undo) -> QuerySet[ImportRow]:
        rows = self.imported.rows if self.imported.undone_at else ImportRow.objects.none()
        return rows.filter(undo=undo).order_by("number")

    def _shown(self, rows: QuerySet[ImportRow]) -> list[ShownRow]:
        return show_rows(self.imported, self.role, list(rows[:PAGE_SIZE]))
