"""The rows of a checked import become members: in chunks, each one transaction under the enterprise's lock.

What a chunk did and how far the import has come are committed together, so that a worker killed at any moment leaves
nothing half done and the next one goes on behind the last chunk. The new members come first, then the changes: no row
of a file waits for another, for what two of them want is refused to both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.audit.recording import Actor, recording
from core.bulk_sql import insert_rows, update_rows
from core.leased_jobs import Lease
from directory.departments.actions import add_department
from directory.imports.apply_updates import Change, change_members, standings_of, words_of_absence
from directory.imports.check import CHUNK, ROW_COLUMNS, Check, as_json, departments_for, read_cells
from directory.imports.columns import Facts, fold
from directory.imports.conflicts import Holders, as_row, find_holders, is_same, wanted_by
from directory.imports.problems import Problem, problem_of
from directory.imports.row_files import Picker, Spool
from directory.members.bulk_insert import NewMember, insert_members
from directory.members.bulk_update import Standing
from directory.models import Department, Import, ImportRow

# A change costs three times what a new member does: so many keep the lock no longer.
CHANGES = 1000
Verdict = ImportRow.Verdict
GONE = gettext_noop("One of these departments no longer exists.")
OUT_OF_REACH = gettext_noop("One of these departments is no longer among those you look after.")


@dataclass(slots=True)
class Planned:
    """A row of the plan on its way to its outcome; `facts` are settled once its departments exist."""

    number: int
    facts: Facts
    is_settled: bool = False
    verdict: str = Verdict.NEW
    member: int | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, column: str, text: str, params: Mapping[str, Any] | None = None) -> None:
        self.verdict = Verdict.REFUSED
        self.problems.append(problem_of(column, text, params))


def apply_rows(check: Check, spool: Spool, *, by: Actor, lease: Lease[Import]) -> bool:
    """Apply rows until none waits, or the turn is over. Return whether none waits."""
    cells = Picker(spool.path("rows"))
    planned = _chunks(spool.planned(after=check.imported.position))
    for rows in planned:
        if not apply_new(check, rows, cells, by=by, lease=lease) or lease.is_turn_over:
            return False
    number = apply_changes(check, after=0, by=by, lease=lease)
    while number is not None and not lease.is_turn_over:
        number = apply_changes(check, after=number, by=by, lease=lease)
    return number is None


def apply_new(check: Check, rows: list[Planned], cells: Picker, *, by: Actor, lease: Lease[Import]) -> bool:
    """The next rows of the plan in one transaction; False when the import is no longer being applied."""
    with recording(check.imported.enterprise, by=by):
        imported = lease.lock()
        if imported.state != Import.State.APPLYING:
            return False
        waiting = _without_refused(imported, rows)
        _settle_departments(check, waiting, by)
        _create(check, [row for row in waiting if row.verdict == Verdict.NEW])
        _note_outcomes(check, waiting, cells)
        _advance(imported, len(waiting), position=rows[-1].number)
    return True


def apply_changes(check: Check, *, after: int, by: Actor, lease: Lease[Import]) -> int | None:
    """The next rows that change members in one transaction; the last one's number, None when there is nothing more to
    do. Below the row `after` there is none."""
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        rows = _next_changes(imported, after)
        if imported.state != Import.State.APPLYING or not rows:
            return None
        stored = [(row.facts.copy(), row.previous) for row in rows]
        _settle_changes(check, rows, by)
        standings = standings_of(check, rows)
        for row in rows:
            _take_up(check, row, standings.get(row.member_id or 0))
        changes = {row.pk: Change(standings[row.member_id or 0], row.facts) for row in rows if _is_to_change(row)}
        change_members(check, list(changes.values()), record=record)
        for row in filter(_is_to_change, rows):
            for column, words in changes[row.pk].refusals:
                _refuse(row, column, *words)
            row.verdict = row.verdict if changes[row.pk].refusals else Verdict.UPDATED
        _note_changes(rows, stored)
        _advance(imported, len(rows))
    return rows[-1].number


def recount(imported: Import) -> None:
    """The counts as the rows now stand, of an import that is no longer only planned."""
    found = ImportRow.objects.filter(import_job=imported).values_list("verdict").annotate(Count("pk"))
    counts = Counter(dict(found))
    imported.created, imported.updated = counts[Verdict.CREATED], counts[Verdict.UPDATED]
    imported.unchanged, imported.refused = counts[Verdict.UNCHANGED], counts[Verdict.REFUSED]
    imported.left_out = counts[Verdict.LEFT_OUT]


def _chunks(planned: Iterable[tuple[int, Facts]]) -> Iterator[list[Planned]]:
    source = iter(planned)
    while chunk := [Planned(number, facts) for number, facts in islice(source, CHUNK)]:
        yield chunk


def _without_refused(imported: Import, rows: Sequence[Planned]) -> list[Planned]:
    """What clashed with a later row stands in the plan, and is refused; the notes of the others are kept."""
    stood = imported.rows.filter(number__gte=rows[0].number, number__lte=rows[-1].number)
    noted = {
        number: (verdict, notes)
        for number, verdict, notes in stood.filter(verdict__in=[Verdict.NEW, Verdict.REFUSED]).values_list(
            "number", "verdict", "notes"
        )
    }
    for row in rows:
        if row.number in noted:
            row.verdict, row.notes = noted[row.number]
    return [row for row in rows if row.verdict == Verdict.NEW]


def _advance(imported: Import, rows: int, *, position: int | None = None) -> None:
    imported.position = imported.position if position is None else position
    imported.applied += rows
    imported.save(update_fields=["position", "applied"])


def _create(check: Check, rows: Sequence[Planned]) -> None:
    """Nearly always all are free still. The database says if not; then a row that another import or a person has made
    true since the preview is unchanged, and whatever else was taken is refused by name of who took it."""
    try:
        _insert(check, rows)
    except IntegrityError:
        holders = find_holders(check.imported.enterprise, wanted_by(row.facts for row in rows), check.role)
        left = [row for row in rows if not _is_made_already(row, holders)]
        _create_free(check, [row for row in left if not _refuse_conflicts(check, row, holders)])


def _create_free(check: Check, rows: Sequence[Planned]) -> None:
    try:
        _insert(check, rows)
    except IntegrityError:
        # Its last word, which can only be about a row that our checks misjudged.
        for row in rows:
            try:
                _insert(check, [row])
            except IntegrityError:
                row.refuse("name", _("The directory changed meanwhile: check this row again."))


def _insert(check: Check, rows: Sequence[Planned]) -> None:
    """All of them or, raising IntegrityError, none."""
    with transaction.atomic():
        ids = insert_members(check.imported.enterprise, _new_members(check.imported, rows))
    for row, id in zip(rows, ids, strict=True):
        row.verdict, row.member = Verdict.CREATED, id


def _note_outcomes(check: Check, rows: Sequence[Planned], cells: Picker) -> None:
    """What the plan can't say any more is kept: departments made on the way, cells of a row that is refused now."""
    refused = read_cells(check, cells, [row.number for row in rows if row.verdict == Verdict.REFUSED])
    noted = [row.number for row in rows if row.notes]
    if noted:
        ImportRow.objects.filter(import_job=check.imported, number__in=noted).delete()
    insert_rows(
        ImportRow,
        ROW_COLUMNS,
        (
            (
                check.imported.pk, row.number, str(row.verdict), as_json(refused.get(row.number)),
                as_json(row.facts) if row.is_settled else None, as_json(row.problems), as_json(row.notes), row.member,
                None, "",
            )
            for row in rows
        ),
    )  # fmt: skip


def _new_members(imported: Import, rows: Sequence[Planned]) -> Iterator[NewMember]:
    origin = {"by": imported.author_name, "import": imported.pk, "file": imported.file_name}
    said = json.dumps(origin).removesuffix("}")
    for row in rows:
        facts: Facts = row.facts
        yield NewMember(
            name=facts["name"],
            account=facts["account"],
            prefix=facts["prefix"],
            domain=facts["domain"],
            phone=facts["phone"],
            departments=facts["departments"],
            position=facts["position"],
            activation=facts["activation"],
            aliases=facts["aliases"],
            origin=f'{said}, "row": {row.number}}}',
        )


def _next_changes(imported: Import, after: int) -> list[ImportRow]:
    """Up to a second one about the same member, which finds what the first has made of them."""
    waiting = imported.rows.filter(verdict=Verdict.CHANGED, number__gt=after).order_by("number")
    rows, met = [], set()
    for row in waiting.defer("cells", "notes")[:CHANGES]:
        if row.member_id and row.member_id in met:
            break
        met.add(row.member_id)
        rows.append(row)
    return rows


def _is_to_change(row: ImportRow) -> bool:
    return row.verdict == Verdict.CHANGED


def _note_changes(rows: Sequence[ImportRow], stored: Sequence[tuple[Facts, Facts]]) -> None:
    """Mostly the verdict alone: what `stored` says of a row's facts before and after is seldom something else now."""
    update_rows(ImportRow, ("verdict", "problems"), [(row.pk, str(row.verdict), as_json(row.problems)) for row in rows])
    others = [row for row, facts in zip(rows, stored, strict=True) if (row.facts, row.previous) != facts]
    columns = ("facts", "previous")
    update_rows(ImportRow, columns, [(row.pk, as_json(row.facts), as_json(row.previous)) for row in others])


def _take_up(check: Check, row: ImportRow, standing: Standing | None) -> None:
    """Only what the row states anew: what others changed meanwhile in other columns stays."""
    if not standing:
        _refuse(row, "account", words_of_absence(check))
        return
    stated = {column: value for column, value in row.facts.items() if not is_same(column, value, row.previous[column])}
    row.previous = as_row(standing.facts)
    row.facts = row.previous | stated
    if check.scope is not None:
        # As at the preview: where the author doesn't reach, the member stays.
        kept = [id for id in row.previous["departments"] if id not in check.scope]
        row.facts["departments"] = list(dict.fromkeys([*row.facts["departments"], *kept]))


def _is_made_already(row: Planned, holders: Holders) -> bool:
    """A member is there by now who is all that the row says."""
    id = holders.accounts.get(row.facts["account"].lower())
    member = holders.members.get(id) if id is not None and holders.sees(id) else None
    if not member or member.deleted_at:
        return False
    if any(not is_same(column, row.facts[column], value) for column, value in holders.facts[member.pk].items()):
        return False
    row.verdict, row.member = Verdict.UNCHANGED, member.pk
    return True


def _refuse_conflicts(check: Check, row: Planned, holders: Holders) -> bool:
    for column, words in holders.conflicts(row.facts, check.names.domains):
        row.refuse(column, *words)
    return row.verdict == Verdict.REFUSED


def _refuse(row: ImportRow, column: str, text: str, params: Mapping[str, Any] | None = None) -> None:
    row.verdict = Verdict.REFUSED
    row.problems = [*row.problems, problem_of(column, text, params)]


def _settle_departments(check: Check, rows: Sequence[Planned], by: Actor) -> None:
    """Paths become departments, made on first need; one deleted since the preview, or moved to where the author
    reaches nobody, refuses its rows."""
    settled = _Settled(check, by)
    for row in rows:
        places = row.facts["departments"]
        row.facts["departments"] = settled.take(places)
        row.is_settled = row.facts["departments"] != places
    present, reachable = settled.present(), settled.reachable()
    for row in rows:
        if not present.issuperset(row.facts["departments"]):
            row.refuse("departments", GONE)
        elif not reachable.issuperset(row.facts["departments"]):
            row.refuse("departments", OUT_OF_REACH)


def _settle_changes(check: Check, rows: Sequence[ImportRow], by: Actor) -> None:
    settled = _Settled(check, by)
    for row in rows:
        row.facts["departments"] = settled.take(row.facts["departments"])
    present, reachable = settled.present(), settled.reachable()
    for row in rows:
        if not present.issuperset(row.facts["departments"]):
            _refuse(row, "departments", GONE)
        elif not reachable.issuperset(set(row.facts["departments"]) - set(row.previous["departments"])):
            _refuse(row, "departments", OUT_OF_REACH)


@dataclass
class _Settled:
    """Departments as rows name them, by id or by path, to their ids; None where the way there is gone."""

    check: Check
    by: Actor
    grown: dict[str, int | None] = field(default_factory=dict)
    taken: dict[tuple[int | str, ...], list[int | None]] = field(default_factory=dict)

    def take(self, places: Sequence[int | str]) -> list[int | None]:
        key = tuple(places)
        if key not in self.taken:
            self.taken[key] = list(dict.fromkeys(self._id(one) if isinstance(one, str) else one for one in places))
        return self.taken[key]

    def present(self) -> set[int | None]:
        return set(Department.objects.filter(pk__in=self._named).values_list("pk", flat=True))

    def reachable(self) -> set[int | None]:
        """Of the same those where the author may put members, as the tree stands now."""
        return set(departments_for(self.check).filter(pk__in=self._named).values_list("pk", flat=True))

    @property
    def _named(self) -> set[int]:
        return {id for ids in self.taken.values() for id in ids if id is not None}

    def _id(self, path: str) -> int | None:
        if path not in self.grown:
            self.grown[path] = _grow(self.check, path, self.by)
        return self.grown[path]


def _grow(check: Check, path: str, by: Actor) -> int | None:
    """The department at the end of the path, below the chosen one; None if the way there is gone."""
    at = departments_for(check).select_related("enterprise").filter(pk=check.around.department).first()
    for name in path.split("/"):
        below = {fold(child.name): child for child in at.children.select_related("enterprise")} if at else {}
        try:
            at = below.get(fold(name)) or (at and add_department(at, name=name, by=by))
        except ValidationError:
            return None
    return at.pk if at else None
