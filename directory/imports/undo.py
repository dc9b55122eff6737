"""An import taken back: rows that nobody has touched since are removed or restored, the others kept and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record, recording
from core.leased_jobs import Lease
from directory.imports.apply_updates import Change, change_members, standings_of, words_of_absence
from directory.imports.check import Check, rewrite_rows
from directory.imports.conflicts import as_row, is_same
from directory.imports.problems import Words, problem_of
from directory.imports.row_files import PLANNED, Picker, Spool
from directory.joining.activation_codes import active_code
from directory.members.bulk_insert import remove_members
from directory.members.bulk_update import Standing
from directory.models import Import, ImportRow, Member

CHUNK = 500
Verdict = ImportRow.Verdict


def undo_rows(check: Check, spool: Spool, *, by: Actor, lease: Lease[Import]) -> None:
    """Take rows back, a chunk at a time, until none is left or the turn is over. No row is looked at twice."""
    plan = Picker(spool.path("plan"))
    while _undo_chunk(check, plan, by=by, lease=lease):
        if lease.is_turn_over:
            return
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        imported.follow_up, imported.undone_at = "", timezone.now()
        imported.undone = imported.rows.filter(undo=ImportRow.Undo.UNDONE).count()
        imported.kept = imported.rows.filter(undo=ImportRow.Undo.KEPT).count()
        imported.save(update_fields=["follow_up", "undone_at", "undone", "kept"])
        record("import_undone", imported, after={"undone": imported.undone, "kept": imported.kept})


def _undo_chunk(check: Check, plan: Picker, *, by: Actor, lease: Lease[Import]) -> bool:
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        rows = _next_rows(imported)
        if not rows:
            return False
        _bring_facts(rows, plan)
        standings = standings_of(check, rows)
        for row in rows:
            why = _why_kept(check, row, standings.get(row.member_id or 0))
            _mark(row, ImportRow.Undo.KEPT if why else ImportRow.Undo.UNDONE, why)
        created = [row for row in rows if row.undo == ImportRow.Undo.UNDONE and row.verdict == Verdict.CREATED]
        remove_members(imported.enterprise, [row.member_id for row in created if row.member_id])
        for row in created:
            row.member_id = None
        updated = [row for row in rows if row.undo == ImportRow.Undo.UNDONE and row.verdict == Verdict.UPDATED]
        _restore(check, updated, standings, record)
        rewrite_rows(imported, rows)
    return True


def _next_rows(imported: Import) -> list[ImportRow]:
    done = ImportRow.objects.filter(import_job=imported, verdict__in=[Verdict.CREATED, Verdict.UPDATED], undo="")
    return list(done.order_by("number")[:CHUNK])


def _bring_facts(rows: Sequence[ImportRow], plan: Picker) -> None:
    """Of those that were created as the plan has them."""
    planned = plan.pick([row.number for row in rows if row.facts is None and row.verdict == Verdict.CREATED])
    for row in rows:
        if row.number in planned:
            row.facts = dict(zip(PLANNED, planned[row.number], strict=True))


def _why_kept(check: Check, row: ImportRow, standing: Standing | None) -> Words | None:
    """What happened to the member since; None if nothing did."""
    if not standing:
        return words_of_absence(check), {}
    if row.facts is None or (row.verdict == Verdict.UPDATED and row.previous is None):
        return _("What the row replaced is no longer kept."), {}
    member, name = standing.member, {"name": standing.member.name}
    if any(not is_same(column, value, row.facts[column]) for column, value in as_row(standing.facts).items()):
        return _("%(name)s was edited since."), name
    if row.verdict == Verdict.CREATED and member.status != Member.Status.PENDING:
        return _("%(name)s has joined or was disabled since."), name
    if row.verdict == Verdict.CREATED and member.invited_at:
        return _("%(name)s was invited since."), name
    is_by_code = row.verdict == Verdict.CREATED and member.activation == Member.Activation.CODE
    if is_by_code and active_code(member):
        return _("%(name)s was given an activation code since."), name
    return None


def _restore(check: Check, rows: Sequence[ImportRow], standings: Mapping[int, Standing], record: Record) -> None:
    changes = [Change(standings[row.member_id or 0], row.previous) for row in rows]
    change_members(check, changes, record=record)
    for row, change in zip(rows, changes, strict=True):
        for _column, words in change.refusals:
            _mark(row, ImportRow.Undo.KEPT, words)


def _mark(row: ImportRow, undo: str, why: Words | None) -> None:
    row.undo = undo
    if why:
        row.problems = [*row.problems, problem_of("", *why)]
