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
from directory.imports.row_files import RowFiles
from directory.imports.row_store import replace_import_rows
from directory.imports.undo.counts import KeptBecause, UndoCounts
from directory.imports.undo.forecast import read_written
from directory.joining.activation_codes import active_code
from directory.joining.invitations import open_invitations, revoke_invitations
from directory.members.bulk_insert import remove_members
from directory.members.bulk_update import Edit
from directory.members.data import MemberData
from directory.models import Import, ImportRow, Member

CHUNK = 500
Members = Mapping[int, tuple[Member, MemberData]]
Refusal = tuple[KeptBecause, ValidationError]
Undo = ImportRow.Undo
Verdict = ImportRow.Verdict


def undo_rows(check: Check, files: RowFiles, *, by: Actor, lease: Lease[Import]) -> None:
    """Undo rows, a chunk at a time, until none is left or the turn is over. No row is looked at twice."""
    while _undo_chunk(check, files, by=by, lease=lease):
        if lease.is_turn_over:
            return
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        counts = UndoCounts.from_json(imported.undo_counts)
        imported.follow_up, imported.undone_at = "", timezone.now()
        imported.undone, imported.kept = counts.undone, counts.kept.total()
        imported.save(update_fields=["follow_up", "undone_at", "undone", "kept"])
        record("import_undone", imported, after=_recorded(counts))


def _undo_chunk(check: Check, files: RowFiles, *, by: Actor, lease: Lease[Import]) -> bool:
    with recording(check.imported.enterprise, by=by) as record:
        imported = lease.lock()
        rows = _next_rows(imported)
        if not rows:
            return False
        check.require_current_rights()
        counts = UndoCounts.from_json(imported.undo_counts)
        members = reachable_members(check, rows)
        _decide(check, rows, read_written(rows, files), members, counts)
        undone = [row for row in rows if row.undo == Undo.UNDONE]
        counts.removed += _remove(imported, [row for row in undone if row.verdict == Verdict.CREATED])
        updated = [row for row in undone if row.verdict == Verdict.UPDATED]
        counts.reverted += _restore(check, updated, members, record, counts)
        if imported.withdraws_invitations:
            counts.withdrawn += _withdraw_invitations(imported, rows, members, record)
        replace_import_rows(imported, rows)
        imported.undo_counts = counts.to_json()
        imported.save(update_fields=["undo_counts"])
    return True


def _decide(
    check: Check, rows: Sequence[ImportRow], written: Mapping[int, MemberData], members: Members, counts: UndoCounts
) -> None:
    for row in rows:
        row.undo, row.facts = Undo.UNDONE, written.get(row.number)
        if refusal := _reason_to_keep(check, row, row.facts, members):
            _keep(row, refusal, counts)


def _next_rows(imported: Import) -> list[ImportRow]:
    done = ImportRow.objects.filter(import_job=imported, verdict__in=[Verdict.CREATED, Verdict.UPDATED], undo="")
    return list(done.order_by("number")[:CHUNK])


def _reason_to_keep(check: Check, row: ImportRow, written: MemberData | None, members: Members) -> Refusal | None:
    """Return what happened to the member since the import, or None."""
    if row.member_id is None or row.member_id not in members:
        return KeptBecause.GONE, ValidationError(absence_of(check))
    if written is None or (row.verdict == Verdict.UPDATED and row.previous is None):
        return KeptBecause.LOST, ValidationError(_("The previous values are no longer available."))
    member, current = members[row.member_id]
    if differing(current, written):
        return _refusal(KeptBecause.EDITED, _("%(name)s has since been edited."), member)
    return _use_of(member) if row.verdict == Verdict.CREATED else None


def _use_of(member: Member) -> Refusal | None:
    """Return how a member who was created has been used since, or None."""
    if member.status == Member.Status.ACTIVE:
        return _refusal(KeptBecause.JOINED, _("%(name)s has since joined."), member)
    if member.status == Member.Status.DISABLED:
        return _refusal(KeptBecause.DISABLED, _("%(name)s has since been disabled."), member)
    if member.invited_at:
        return _refusal(KeptBecause.INVITED, _("%(name)s has since been invited."), member)
    if member.activation == Member.Activation.CODE and active_code(member):
        return _refusal(KeptBecause.CODE, _("%(name)s has since been given an activation code."), member)
    return None


def _refusal(reason: KeptBecause, text: str, member: Member) -> Refusal:
    return reason, ValidationError(text, params={"name": member.name})


def _remove(imported: Import, rows: Sequence[ImportRow]) -> int:
    remove_members(imported.enterprise, [row.member_id for row in rows if row.member_id])
    for row in rows:
        row.member_id = None
    return len(rows)


def _restore(check: Check, rows: Sequence[ImportRow], members: Members, record: Record, counts: UndoCounts) -> int:
    """Restore the previous values. Return how many rows were: values that were taken since keep the others."""
    edits = [Edit(*members[row.member_id or 0], MemberData.from_row(row.previous)) for row in rows]
    edit_rows(check, edits, record=record)
    taken = [(row, edit.errors) for row, edit in zip(rows, edits, strict=True) if edit.errors]
    for row, errors in taken:
        _keep(row, (KeptBecause.TAKEN, ValidationError([error for _column, error in errors])), counts)
    return len(rows) - len(taken)


def _keep(row: ImportRow, refusal: Refusal, counts: UndoCounts) -> None:
    reason, error = refusal
    counts.kept[reason.value] += 1
    row.undo = Undo.KEPT
    row.problems = [*row.problems, *problems_of("", error)]


def _withdraw_invitations(imported: Import, rows: Sequence[ImportRow], members: Members, record: Record) -> int:
    """Withdraw the open links of the members whom these rows created and who are kept. Return how many there were.

    They stay in the directory as members who were never invited.
    """
    kept = [row.member_id or 0 for row in rows if row.undo == Undo.KEPT and row.verdict == Verdict.CREATED]
    invited = open_invitations([members[id][0] for id in kept if id in members]).values_list("member", flat=True)
    if ids := sorted(invited):
        revoke_invitations(*(members[id][0] for id in ids))
        Member.objects.filter(pk__in=ids).update(invited_at=None)
        record("invitations_withdrawn", imported, after={"members": ids})
    return len(ids)


def _recorded(counts: UndoCounts) -> dict[str, int]:
    by_reason = {f"kept_{reason.value}": count for reason, count in counts.kept_by_reason}
    return {
        "removed": counts.removed, "reverted": counts.reverted, "kept": counts.kept.total(), **by_reason,
        "withdrawn": counts.withdrawn,
    }  # fmt: skip
