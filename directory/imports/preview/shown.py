"""How rows of an import are shown: the values as they will be and as they were, or as they stand in the file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from accounts.models import Role
from accounts.permissions import Permission, may
from core.translatable import render_message
from directory.access import departments_of, is_scoped, members_of
from directory.departments.tree import paths_of
from directory.imports.columns import BY_NAME, differing
from directory.imports.reading.cells import show_cell
from directory.imports.row_files import RowFiles
from directory.imports.transitions import Verdict
from directory.members.data import Labels, MemberData, read_data
from directory.models import Import, ImportRow, Member

# What stands in one cell of the list, of a row that is understood and of one that is shown as uploaded.
CELLS = (("name", "account"), ("address", "aliases"), ("phone",), ("departments",), ("position",), ("activation",))
ORIGINAL_CELLS = (("name", "account"), ("prefix", "domain", "aliases"), *CELLS[2:])
PLANNED = {Verdict.NEW, Verdict.CREATED}
AS_UPLOADED = {Verdict.REFUSED, Verdict.LEFT_OUT}
TONES: dict[str, str] = {
    Verdict.NEW: "accent", Verdict.CHANGED: "warn", Verdict.REFUSED: "bad",
    Verdict.CREATED: "good", Verdict.UPDATED: "good",
}  # fmt: skip
ICONS: dict[str, str] = {
    Verdict.NEW: "circle-plus", Verdict.CHANGED: "pencil", Verdict.UNCHANGED: "equal", Verdict.REFUSED: "circle-alert",
    Verdict.LEFT_OUT: "circle-minus", Verdict.CREATED: "circle-check", Verdict.UPDATED: "circle-check",
}  # fmt: skip
OUT_OF_REACH = gettext_noop("The member is no longer in the directory, or not in a department you manage.")
# As many digits as the shortest phone number has, with up to three other characters between them.
NUMBER = re.compile(r"\d(?:\W{0,3}\d){6,}")


@dataclass(frozen=True)
class ShownValue:
    """A value; `before` is the one that it replaces, or None."""

    name: str
    text: str
    before: str | None = None
    is_bad: bool = False


@dataclass(frozen=True)
class ShownCell:
    title: str
    values: list[ShownValue]

    @property
    def is_bad(self) -> bool:
        return any(value.is_bad for value in self.values)

    @property
    def is_changed(self) -> bool:
        return any(value.before is not None for value in self.values)


@dataclass(frozen=True)
class ShownProblem:
    """What is wrong with a column, whose original text is `text`; the name is "" if it is about the row."""

    name: str
    title: str
    text: str
    reasons: list[str]


@dataclass(frozen=True)
class ShownNote:
    """How a value was understood differently from what stands in the file, or with `kind` "warning" a warning."""

    kind: str
    title: str
    before: str
    text: str


@dataclass(frozen=True)
class ShownRow:
    """`member` is the row's member, if the reader may open their page."""

    number: int
    verdict: str
    label: str
    undo: str
    cells: list[ShownCell]
    problems: list[ShownProblem] = field(default_factory=list)
    notes: list[ShownNote] = field(default_factory=list)
    member: Member | None = None

    @property
    def who(self) -> str:
        return next((value.text for cell in self.cells for value in cell.values if value.text), "")

    @property
    def is_refused(self) -> bool:
        return self.verdict == Verdict.REFUSED

    @property
    def tone(self) -> str:
        return TONES.get(self.verdict, "neutral")

    @property
    def icon(self) -> str:
        return ICONS[self.verdict]


def show_rows(imported: Import, role: Role, rows: Sequence[ImportRow]) -> list[ShownRow]:
    """Return the rows as `role` may see them, in a fixed number of queries; planned ones need not be stored."""
    return list(_Presenter(imported, role, rows).shown())


def column_titles() -> list[str]:
    """Return the headings of the cells of a row."""
    return [_title(names[0]) for names in CELLS]


class _Presenter:
    """Shows some rows of an import. Whatever looks like a phone number is masked if the role may not see it."""

    def __init__(self, imported: Import, role: Role, rows: Sequence[ImportRow]) -> None:
        self.imported, self.role, self.rows = imported, role, rows
        self.is_masked = not may(role, Permission.MANAGE_MEMBERS)
        self.titles = column_titles()
        self.mask: Callable[[str], str] = _mask if self.is_masked else str

    def shown(self) -> Iterator[ShownRow]:
        for row in self.rows:
            member = self.members.get(row.member_id or 0)
            is_hidden = bool(row.member_id) and member is None and is_scoped(self.role)
            yield ShownRow(
                number=row.number,
                verdict=row.verdict,
                label=_("Error") if row.verdict == Verdict.REFUSED else row.get_verdict_display(),
                undo=row.get_undo_display(),
                cells=[ShownCell(title, []) for title in self.titles] if is_hidden else self._cells(row, member),
                problems=self._problems(row),
                notes=[ShownNote("warning", "", "", _(OUT_OF_REACH))] if is_hidden else self._notes(row),
                member=member,
            )

    @cached_property
    def members(self) -> dict[int, Member]:
        """The members of these rows who are in the directory and within the role's reach."""
        ids = {row.member_id for row in self.rows if row.member_id}
        return members_of(self.role).in_bulk(ids) if ids else {}

    @cached_property
    def data(self) -> dict[int, MemberData]:
        """The data of the rows' members by the rows' numbers: as the rows state it, else as it is."""
        stored = {row.number: MemberData.from_row(row.facts) for row in self.rows if row.facts}
        return self._planned(without=stored) | self._unchanged() | stored

    @cached_property
    def previous(self) -> dict[int, MemberData]:
        return {row.number: MemberData.from_row(row.previous) for row in self.rows if row.previous}

    @cached_property
    def labels(self) -> Labels:
        """Domains and the paths of departments; "…" stands for what is gone or out of reach."""
        ids = {id for data in (*self.data.values(), *self.previous.values()) for id in data.departments}
        numbers = [id for id in (*ids, self.imported.department_id) if isinstance(id, int)]
        paths = paths_of(departments_of(self.role).filter(pk__in=numbers))
        domains = self.imported.enterprise.domains.values_list("pk", "name")
        # Below the root, whose name says nothing.
        departments = {pk: path.partition("/")[2] or path for pk, path in paths.items()}
        return Labels(defaultdict(lambda: "…", domains), departments)

    def _planned(self, *, without: Collection[int]) -> dict[int, MemberData]:
        """Return the data of the rows that are in the plan alone, or nothing if its files are deleted."""
        numbers = [row.number for row in self.rows if row.verdict in PLANNED and row.number not in without]
        try:
            return RowFiles(self.imported.stored).planned_rows(numbers)
        except FileNotFoundError:
            return {}

    def _unchanged(self) -> dict[int, MemberData]:
        """Return the current data of the members whom unchanged rows are about."""
        ids = {row.number: row.member_id for row in self.rows if row.verdict == Verdict.UNCHANGED and row.member_id}
        data = read_data([self.members[id] for id in ids.values() if id in self.members])
        return {number: data[id] for number, id in ids.items() if id in data}

    def _cells(self, row: ImportRow, member: Member | None) -> list[ShownCell]:
        if row.verdict in AS_UPLOADED:
            values = self._values_as_uploaded(row)
        elif data := self.data.get(row.number):
            values = self._values_of(self.previous.get(row.number, data), data)
        else:
            name = [ShownValue("name", self.mask(member.name))] if member else []
            values = [name, *([] for _names in CELLS[1:])]
        return [ShownCell(title, shown) for title, shown in zip(self.titles, values, strict=True)]

    def _values_as_uploaded(self, row: ImportRow) -> list[list[ShownValue]]:
        bad = {problem["column"] for problem in row.problems}
        return [self._original_values(row, names, bad) for names in ORIGINAL_CELLS]

    def _values_of(self, before: MemberData, after: MemberData) -> list[list[ShownValue]]:
        changed = {column.name for column in differing(before, after)}
        if changed & {"prefix", "domain"}:
            changed.add("address")
        return [self._values(names, before, after, changed) for names in CELLS]

    def _original_values(self, row: ImportRow, names: Sequence[str], bad: set[str]) -> list[ShownValue]:
        texts = {name: self._original(row, name) for name in names}
        return [ShownValue(name, text, is_bad=name in bad) for name, text in texts.items() if text or name in bad]

    def _values(
        self, names: Sequence[str], before: MemberData, after: MemberData, changed: set[str]
    ) -> list[ShownValue]:
        values = [
            ShownValue(name, self._text(name, after), self._text(name, before) if name in changed else None)
            for name in names
            # An account that nobody chose is the prefix.
            if name != "account" or name in changed or after.account != after.prefix
        ]
        return [value for value in values if value.text or value.before]

    def _text(self, name: str, data: MemberData) -> str:
        if name == "address":
            return self.mask(self.labels.address(data.prefix, data.domain))
        value = getattr(data, name)
        if name == "departments":
            value = tuple(self._full_path(one) if isinstance(one, str) else one for one in value)
        return self.mask(BY_NAME[name].show(value, self.labels))

    def _full_path(self, path: str) -> str:
        """Return the path below the root of a department that would be created below the import's department."""
        top = self.imported.department
        below = self.labels.departments.get(top.pk, "…") if top and top.parent_id else ""
        return f"{below}/{path}" if below else path

    def _problems(self, row: ImportRow) -> list[ShownProblem]:
        reasons: dict[str, list[str]] = {}
        for problem in row.problems:
            reasons.setdefault(problem["column"], []).append(self.mask(render_message(problem)))
        return [ShownProblem(name, _title(name), self._original(row, name), texts) for name, texts in reasons.items()]

    def _notes(self, row: ImportRow) -> list[ShownNote]:
        """Return the notes but those of changes, which the cells show."""
        return [self._note(note) for note in row.notes if note["kind"] != "change"]

    def _note(self, note: dict[str, str]) -> ShownNote:
        is_ours = note["kind"] == "warning" or note["column"] == "activation"
        before, text = (_(end) if is_ours and end else end or "" for end in (note["from"], note["to"]))
        return ShownNote(note["kind"], _title(note["column"]), self.mask(before), self.mask(text))

    def _original(self, row: ImportRow, column: str) -> str:
        """Return the text of a cell as it was uploaded or repaired; a masked phone may be written in any way."""
        index, cells = self.imported.heading["columns"]["indexes"].get(column), row.cells or []
        if index is None or index >= len(cells) or (self.is_masked and column == "phone"):
            return ""
        return self.mask(show_cell(cells[index]))


def _mask(text: str) -> str:
    """Mask numbers as sms.phones does."""
    return NUMBER.sub(lambda number: f"{number[0][:3]}****{number[0][-4:]}", text)


def _title(name: str) -> str:
    if name == "address":
        return _("Address")
    return BY_NAME[name].heading(get_language() or "").rstrip("*") if name in BY_NAME else ""
