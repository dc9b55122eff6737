"""Change members as rows, or an undo, demand: a chunk at once, as `change_member` does it to one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from accounts.audit.recording import Record
from directory.access import is_scoped, members_of
from directory.imports.check import Check
from directory.members.actions import change_member
from directory.members.bulk_update import Edit, edit_members, read_members, refuse_taken_logins
from directory.members.conflicts import Claims, Conflict
from directory.members.data import MemberData, refusals
from directory.models import Department, ImportRow, Member


def reachable_members(check: Check, rows: Iterable[ImportRow]) -> dict[int, tuple[Member, MemberData]]:
    """Return the members whom these rows are about, if they are in the directory and the author manages them."""
    enterprise, ids = check.imported.enterprise, [row.member_id for row in rows if row.member_id]
    prefetch_related_objects([enterprise], "domains")
    if check.role and is_scoped(check.role):
        ids = list(members_of(check.role).filter(pk__in=ids).values_list("pk", flat=True))
    return read_members(enterprise, ids)


def absence_of(check: Check) -> str:
    """Return why a member is not reachable."""
    if check.role and is_scoped(check.role):
        return _("The member is no longer in the directory, or not in a department you manage.")
    return _("The member is no longer in the directory.")


def edit_rows(check: Check, edits: Sequence[Edit], *, record: Record) -> None:
    """Write the edits, each of another member, in the caller's `recording`; collect errors in what is refused."""
    _settle_departments(check, edits)
    claims = Claims()
    for edit in edits:
        claims.add(edit.after, check.labels)
    claimed = check.look_up(claims, {edit.member.pk: edit.member for edit in edits})
    for edit in edits:
        edit.errors += claimed.conflicts(edit.after, check.labels, exclude=edit.member.pk)
        # Each value is valid, but maybe not together with those that the row doesn't state.
        edit.errors = edit.errors or [*refusals(edit.after._asdict())]
    refuse_taken_logins(edits, check.labels)
    _write([edit for edit in edits if not edit.errors], record)


def _settle_departments(check: Check, edits: Sequence[Edit]) -> None:
    """Leave out departments that are gone; a member without any other is put into the root."""
    enterprise = check.imported.enterprise
    named = {id for edit in edits for id in edit.after.departments}
    present = set(Department.objects.filter(enterprise=enterprise, pk__in=named).values_list("pk", flat=True))
    if present >= named:
        return
    root = Department.objects.get(enterprise=enterprise, parent=None).pk
    for edit in edits:
        departments = tuple(id for id in edit.after.departments if id in present)
        edit.after = edit.after._replace(departments=departments or (root,))


def _write(edits: Sequence[Edit], record: Record) -> None:
    """Write all at once. If the database refuses, which our checks rule out, find the edit it means by halves."""
    if not edits:
        return
    try:
        with transaction.atomic():
            edit_members(edits, record=record)
    except IntegrityError:
        if len(edits) == 1:
            _write_alone(edits[0], record)
            return
        _reload(edits)
        half = len(edits) // 2
        _write(edits[:half], record)
        _write(edits[half:], record)


def _reload(edits: Sequence[Edit]) -> None:
    """Read the members again: the edit that was refused has changed them."""
    members = read_members(edits[0].member.enterprise, [edit.member.pk for edit in edits])
    for edit in edits:
        edit.member, edit.before = members[edit.member.pk]


def _write_alone(edit: Edit, record: Record) -> None:
    try:
        change_member(edit.member, edit.after, by=record.by)
    except ValidationError as error:
        edit.errors += _conflicts(error)
    except IntegrityError:
        edit.errors.append(
            ("name", ValidationError(_("The directory has changed in the meantime. Check this row again.")))
        )


def _conflicts(error: ValidationError) -> list[Conflict]:
    return [(name, one) for name, errors in error.error_dict.items() for one in errors]
