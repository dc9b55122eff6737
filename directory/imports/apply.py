"""Apply a checked import: its rows become members in chunks, each a transaction under the enterprise's lock.

What a chunk did and the import's progress are committed together: if a worker is killed, the next one continues after
the last chunk. New members come first, then the changes; rows don't depend on each other, for what two of them claim
is refused to both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from core.bulk_sql import update_rows
from core.leased_jobs import Lease
from directory.imports.apply_updates import absence_of, edit_rows, reachable_members
from directory.imports.check import CHUNK, Check
from directory.imports.columns import differing
from directory.imports.new_departments import DepartmentResolver
from directory.imports.problems import Problem, problems_of
from directory.imports.row_files import LineReader, RowFiles
from directory.imports.row_store import as_json, insert_import_rows, read_cells
from directory.members.bulk_insert import NewMember, insert_members
from directory.members.bulk_update import Edit
from directory.members.conflicts import ClaimedValues, Claims
from directory.members.data import MemberData
from directory.models import Import, ImportRow

# A change costs three times as much as a new member: this many hold the lock no longer than CHUNK new ones.
CHANGES = 1000
# By the row's id, the data before and after as the preview showed it.
Plan = Mapping[int, tuple[MemberData, MemberData]]
Verdict = ImportRow.Verdict


@dataclass(slots=True)
class Planned:
    """A row of the plan being applied. It has the attributes of an ImportRow that are to be stored."""

    number: int
    data: MemberData
    is_resolved: bool = False
    verdict: str = Verdict.NEW
    member_id: int | None = None
    cells: list[Any] | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    previous: MemberData | None = None
    undo: str = ""

    @property
    def facts(self) -> MemberData | None:
        """Stored only if the plan differs: it has the paths of departments that were created since."""
        return self.data if self.is_resolved else None


def apply_rows(check: Check, files: RowFiles, *, by: Actor, lease: Lease[Import]) -> bool:
    """Apply rows until none is left, or the turn is over. Return True if none is left."""
    lines = LineReader(files.path("rows"))
    for rows in _chunks(files.planned(after=check.imported.position)):
        if not apply_new(check, rows, lines, by=by, lease=lease) or lease.is_turn_over:
            return False
    number = apply_changes(check, after=0, by=by, lease=lease)
    while number is not None and not lease.is_turn_over:
        number = apply_changes(check, after=number, by=by, lease=lease)
    return number is None


def apply_new(check: Check, rows: list[Planned], lines: LineReader, *, by: Actor, lease: Lease[Import]) -> bool:
    """Create the members of these rows in one transaction. Return False if the import is no longer being applied."""
    with recording(check.imported.enterprise, by=by):
        imported = lease.lock()
        if imported.state != Import.State.APPLYING:
            return False
        check.require_current_rights()
        waiting = _without_refused(imported, rows)
        _resolve_departments(check, waiting, by)
        _create(check, [row for row in waiting if row.verdict == Verdict.NEW])
        _store_outcomes(check, waiting, lines)
        _advance(imported, len(waiting), position=rows[-1].number)
    return True


def apply_changes(check: Check, *, after: int, by: Actor, lease: Lease[Import]) -> int | None:
    """Apply the next rows beyond `after` that change members, in one transaction.

    Return the number of the last one, or None if there is nothing left to do.
    """
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        rows = _next_changes(imported, after)
        if imported.state != Import.State.APPLYING or not rows:
            return None
        check.require_current_rights()
        planned = {row.pk: (MemberData.from_row(row.previous), MemberData.from_row(row.facts)) for row in rows}
        edits = _edits_of(check, rows, planned, by)
        edit_rows(check, list(edits.values()), record=record)
        for row in rows:
            if edit := edits.get(row.pk):
                row.verdict = Verdict.UPDATED
                for column, error in edit.errors:
                    _refuse(row, column, error)
        _store_changes(rows, planned)
        _advance(imported, len(rows))
    return rows[-1].number


def _chunks(planned: Iterable[tuple[int, MemberData]]) -> Iterator[list[Planned]]:
    source = iter(planned)
    while chunk := [Planned(number, data) for number, data in islice(source, CHUNK)]:
        yield chunk


def _without_refused(imported: Import, rows: Sequence[Planned]) -> list[Planned]:
    """Leave out planned rows that clash with a later row; give the others the notes that are stored."""
    stored = imported.rows.filter(number__gte=rows[0].number, number__lte=rows[-1].number)
    found = stored.filter(verdict__in=[Verdict.NEW, Verdict.REFUSED]).values_list("number", "verdict", "notes")
    noted = {number: (verdict, notes) for number, verdict, notes in found}
    for row in rows:
        if row.number in noted:
            row.verdict, row.notes = noted[row.number]
    return [row for row in rows if row.verdict == Verdict.NEW]


def _advance(imported: Import, rows: int, *, position: int | None = None) -> None:
    imported.position = imported.position if position is None else position
    imported.applied += rows
    imported.save(update_fields=["position", "applied"])


def _resolve_departments(check: Check, rows: Sequence[Planned], by: Actor) -> None:
    resolver = DepartmentResolver(check, by)
    for row in rows:
        departments = resolver.resolve(row.data.departments)
        if departments != row.data.departments:
            row.data, row.is_resolved = row.data._replace(departments=departments), True
    for row in rows:
        if error := resolver.error(row.data.departments):
            _refuse(row, "departments", error)


def _create(check: Check, rows: Sequence[Planned]) -> None:
    """Create the members. If something was taken since the preview, look for what it was.

    A row that another import or a person has meanwhile made true is unchanged, the others in conflict are refused.
    """
    try:
        _insert(check, rows)
    except IntegrityError:
        claims = Claims()
        for row in rows:
            claims.add(row.data, check.labels)
        claimed = check.look_up(claims)
        left = [row for row in rows if not _exists_already(row, claimed)]
        _create_free(check, [row for row in left if not _refuse_conflicts(check, row, claimed)])


def _create_free(check: Check, rows: Sequence[Planned]) -> None:
    try:
        _insert(check, rows)
    except IntegrityError:
        # Only a row that our checks misjudged can be the cause.
        for row in rows:
            try:
                _insert(check, [row])
            except IntegrityError:
                _refuse(row, "name", _("The directory has changed in the meantime. Check this row again."))


def _insert(check: Check, rows: Sequence[Planned]) -> None:
    """Insert all, or raise IntegrityError and insert none."""
    imported = check.imported
    origin = {"by": imported.actor_name, "import": imported.pk, "file": imported.file_name}
    begun = json.dumps(origin).removesuffix("}")
    members = (NewMember(row.data, origin=f'{begun}, "row": {row.number}}}') for row in rows)
    with transaction.atomic():
        ids = insert_members(imported.enterprise, members)
    for row, id in zip(rows, ids, strict=True):
        row.verdict, row.member_id = Verdict.CREATED, id


def _store_outcomes(check: Check, rows: Sequence[Planned], lines: LineReader) -> None:
    """Store the rows, with the cells of those that are refused."""
    imported = check.imported
    refused = [row.number for row in rows if row.verdict == Verdict.REFUSED]
    cells = read_cells(imported, check.heading, lines, refused)
    for row in rows:
        row.cells = cells.get(row.number)
    if noted := [row.number for row in rows if row.notes]:
        ImportRow.objects.filter(import_job=imported, number__in=noted).delete()
    insert_import_rows(imported, rows)


def _next_changes(imported: Import, after: int) -> list[ImportRow]:
    """Return the next rows up to a second one about the same member, which must find what the first has changed."""
    waiting = imported.rows.filter(verdict=Verdict.CHANGED, number__gt=after).order_by("number")
    rows, met = [], set()
    for row in waiting.defer("cells", "notes")[:CHANGES]:
        if row.member_id and row.member_id in met:
            break
        met.add(row.member_id)
        rows.append(row)
    return rows


def _edits_of(check: Check, rows: Sequence[ImportRow], planned: Plan, by: Actor) -> dict[int, Edit]:
    """Return the edits by the row's id, and refuse rows whose member or departments are out of reach now."""
    resolver = DepartmentResolver(check, by)
    resolved = {pk: resolver.resolve(after.departments) for pk, (_before, after) in planned.items()}
    members = reachable_members(check, rows)
    edits = {}
    for row in rows:
        before, after = planned[row.pk]
        row.previous, row.facts = before, after._replace(departments=resolved[row.pk])
        if error := resolver.error(resolved[row.pk], current=before.departments):
            _refuse(row, "departments", error)
        if row.member_id not in members:
            _refuse(row, "account", absence_of(check))
            continue
        member, current = members[row.member_id]
        row.previous, row.facts = current, _rebase(check, before, row.facts, current)
        if row.verdict == Verdict.CHANGED:
            edits[row.pk] = Edit(member, current, row.facts)
    return edits


def _rebase(check: Check, before: MemberData, after: MemberData, current: MemberData) -> MemberData:
    """Return the `current` data with what the row changed: changes by others to other columns stay."""
    values = {column.name: getattr(after, column.name) for column in differing(before, after)}
    rebased = current._replace(**values)
    if check.scope is None:
        return rebased
    # As in the preview: the member stays where the author manages nothing.
    kept = [id for id in current.departments if id not in check.scope]
    return rebased._replace(departments=tuple(dict.fromkeys([*rebased.departments, *kept])))


def _store_changes(rows: Sequence[ImportRow], planned: Plan) -> None:
    """Store the verdicts, and the data before and after if it is not what was planned."""
    update_rows(ImportRow, ("verdict", "problems"), [(row.pk, str(row.verdict), as_json(row.problems)) for row in rows])
    others = [row for row in rows if (row.previous, row.facts) != planned[row.pk]]
    columns = ("previous", "facts")
    update_rows(ImportRow, columns, [(row.pk, as_json(row.previous), as_json(row.facts)) for row in others])


def _exists_already(row: Planned, claimed: ClaimedValues) -> bool:
    """Return True, and mark the row unchanged, if a member is now everything that the row says."""
    id = claimed.accounts.get(row.data.account.lower())
    member = claimed.members.get(id) if id is not None and claimed.may_see(id) else None
    if not member or member.deleted_at or differing(claimed.data[member.pk], row.data):
        return False
    row.verdict, row.member_id = Verdict.UNCHANGED, member.pk
    return True


def _refuse_conflicts(check: Check, row: Planned, claimed: ClaimedValues) -> bool:
    for column, error in claimed.conflicts(row.data, check.labels):
        _refuse(row, column, error)
    return row.verdict == Verdict.REFUSED


def _refuse(row: Planned | ImportRow, column: str, error: ValidationError | str) -> None:
    row.verdict = Verdict.REFUSED
    row.problems = [*row.problems, *problems_of(column, error)]
