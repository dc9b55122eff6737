"""Undo an import: rows that nobody has touched since are removed or restored, the others are kept with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from core.leased_jobs import Lease
from directory.imports.apply_updates import absence_of, edit_rows, reachable_members
from directory.imports.check import Check
from directory.imports.columns import differing
from directory.imports.problems import problems_of
from directory.imports.row_files import LineReader, RowFiles, data_of_plan
from directory.imports.row_store import replace_import_rows
from directory.joining.activation_codes import active_code
from directory.members.bulk_insert import remove_members
from directory.members.bulk_update import Edit
from directory.members.data import MemberData
from directory.models import Import, ImportRow, Member

CHUNK = 500
Members = Mapping[int, tuple[Member, MemberData]]
Undo = ImportRow.Undo
Verdict = ImportRow.Verdict


def undo_rows(check: Check, files: RowFiles, *, by: Actor, lease: Lease[Import]) -> None:
    """Undo rows, a chunk at a time, until none is left or the turn is over. No row is looked at twice."""
    plan = LineReader(files.path("plan"))
    while _undo_chunk(check, plan, by=by, lease=lease):
        if lease.is_turn_over:
            return
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        imported.follow_up, imported.undone_at = "", timezone.now()
        imported.undone = imported.rows.filter(undo=Undo.UNDONE).count()
        imported.kept = imported.rows.filter(undo=Undo.KEPT).count()
        imported.save(update_fields=["follow_up", "undone_at", "undone", "kept"])
        record("import_undone", imported, after={"undone": imported.undone, "kept": imported.kept})


def _undo_chunk(check: Check, plan: LineReader, *, by: Actor, lease: Lease[Import]) -> bool:
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        rows = _next_rows(imported)
        if not rows:
            return False
        check.require_current_rights()
        written = _written_data(rows, plan)
        members = reachable_members(check, rows)
        for row in rows:
            row.undo, row.facts = Undo.UNDONE, written.get(row.number)
            if reason := _reason_to_keep(check, row, row.facts, members):
                _keep(row, reason)
        undone = [row for row in rows if row.undo == Undo.UNDONE]
        _remove(imported, [row for row in undone if row.verdict == Verdict.CREATED])
        _restore(check, [row for row in undone if row.verdict == Verdict.UPDATED], members, record)
        replace_import_rows(imported, rows)
    return True


def _next_rows(imported: Import) -> list[ImportRow]:
    done = ImportRow.objects.filter(import_job=imported, verdict__in=[Verdict.CREATED, Verdict.UPDATED], undo="")
    return list(done.order_by("number")[:CHUNK])


def _written_data(rows: Sequence[ImportRow], plan: LineReader) -> dict[int, MemberData]:
    """Return what the import wrote, by row number: of new members mostly what the plan says."""
    planned = plan.pick([row.number for row in rows if row.facts is None and row.verdict == Verdict.CREATED])
    stored = {row.number: MemberData.from_row(row.facts) for row in rows if row.facts is not None}
    return stored | {number: data_of_plan(values) for number, values in planned.items()}


def _reason_to_keep(
    check: Check, row: ImportRow, written: MemberData | None, members: Members
) -> ValidationError | None:
    """Return what happened to the member since the import, or None."""
    if row.member_id is None or row.member_id not in members:
        return ValidationError(absence_of(check))
    if written is None or (row.verdict == Verdict.UPDATED and row.previous is None):
        return ValidationError(_("The previous values are no longer available."))
    member, current = members[row.member_id]
    text = _("%(name)s has since been edited.") if differing(current, written) else ""
    if not text and row.verdict == Verdict.CREATED:
        text = _use_of(member)
    return ValidationError(text, params={"name": member.name}) if text else None


def _use_of(member: Member) -> str:
    """Return how a member who was created has been used since, or ""."""
    if member.status != Member.Status.PENDING:
        return _("%(name)s has since joined or been disabled.")
    if member.invited_at:
        return _("%(name)s has since been invited.")
    if member.activation == Member.Activation.CODE and active_code(member):
        return _("%(name)s has since been given an activation code.")
    return ""


def _remove(imported: Import, rows: Sequence[ImportRow]) -> None:
    remove_members(imported.enterprise, [row.member_id for row in rows if row.member_id])
    for row in rows:
        row.member_id = None


def _restore(check: Check, rows: Sequence[ImportRow], members: Members, record: Record) -> None:
    edits = [Edit(*members[row.member_id or 0], MemberData.from_row(row.previous)) for row in rows]
    edit_rows(check, edits, record=record)
    for row, edit in zip(rows, edits, strict=True):
        for _column, error in edit.errors:
            _keep(row, error)


def _keep(row: ImportRow, reason: ValidationError) -> None:
    row.undo = Undo.KEPT
    row.problems = [*row.problems, *problems_of("", reason)]
