"""Actions on an import: repair or leave out rows, apply, undo, invite, issue activation codes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor
from accounts.models import Role
from directory.access import members_of
from directory.imports.job import QUEUE
from directory.imports.row_files import RowFiles
from directory.imports.transitions import State, assign_actor, lock_import
from directory.imports.undo.forecast import forecast_undo
from directory.joining.activation_codes import issue_codes, may_have_code
from directory.models import Address, Import, ImportRow, Member, MemberQuerySet


def repair_row(imported: Import, number: int, cells: dict[str, str], *, by: Actor) -> None:
    """Replace cells of one row, and check all rows again: a repair may free another row, or clash with it."""
    with lock_import(imported, by, State.READY) as (locked, _record):
        assign_actor(locked, by)
        _require_row(locked, number)
        known = locked.heading["columns"]["indexes"]
        locked.repairs.setdefault(str(number), {}).update({name: cells[name] for name in cells if name in known})
        locked.skipped_rows = [one for one in locked.skipped_rows if one != number]
        _check_again(locked)
    _work_now_or_later(imported)


def leave_out_row(imported: Import, number: int, *, by: Actor) -> None:
    with lock_import(imported, by, State.READY) as (locked, _record):
        assign_actor(locked, by)
        _require_row(locked, number)
        locked.skipped_rows = sorted({*locked.skipped_rows, number})
        _check_again(locked)
    _work_now_or_later(imported)


def begin_import(imported: Import, *, by: Actor) -> None:
    """Let a worker apply the import. Raises ValidationError if it is not in the preview."""
    with lock_import(imported, by, State.READY) as (locked, record):
        assign_actor(locked, by)
        locked.state, locked.started_at = State.APPLYING, timezone.now()
        locked.lease, locked.lease_until = "", None
        locked.save()
        counts = {"file": locked.file_name, "create": locked.created, "update": locked.updated}
        record("import_started", locked, after=counts)
        transaction.on_commit(QUEUE.wake)


class UndoChanged(ValidationError):
    """The undo would take back another number of rows than the caller expects."""


def start_undo(
    imported: Import, role: Role, *, by: Actor, expected: int | None = None, withdraw_invitations: bool = False
) -> None:
    """Undo the import, as `start_follow_up` does.

    Raises UndoChanged if it would take back another number of rows than `expected`; None expects nothing.
    """

    def check(locked: Import) -> None:
        if expected is not None and forecast_undo(locked, role).undone != expected:
            raise UndoChanged(_("The members of this import have changed in the meantime. Check the new numbers."))
        locked.withdraws_invitations = withdraw_invitations
        locked.save(update_fields=["withdraws_invitations"])

    start_follow_up(imported, Import.FollowUp.UNDO, by=by, check=check)


def start_follow_up(
    imported: Import, follow_up: str, *, by: Actor, check: Callable[[Import], None] | None = None
) -> None:
    """Undo the import, or invite the members it created, for `by`: small imports at once, others by a worker.

    `check` may refuse under the import's lock.
    """
    with lock_import(imported, by, State.DONE, State.CANCELLED, State.FAILED) as (locked, record):
        if locked.follow_up:
            raise ValidationError(_("This import is already being processed."), code="busy")
        if not locked.is_read:
            raise ValidationError(_("Nothing was imported from this file."), code="not_read")
        if follow_up == Import.FollowUp.UNDO and not locked.may_be_undone:
            raise ValidationError(_("This import can no longer be undone."), code="too_late")
        if check:
            check(locked)
        assign_actor(locked, by)
        locked.follow_up, locked.follow_up_reason = follow_up, ""
        locked.save(update_fields=["follow_up", "follow_up_reason", "actor", "actor_name"])
        is_undo = follow_up == Import.FollowUp.UNDO
        record("import_undo_started" if is_undo else "import_invite_started", locked, after={"file": locked.file_name})
    _work_now_or_later(imported)


def waiting_for_code(imported: Import, role: Role) -> MemberQuerySet:
    """Return the members of the import, within the role's reach, who are pending and join by code."""
    written = imported.rows.filter(verdict__in=[ImportRow.Verdict.CREATED, ImportRow.Verdict.UPDATED])
    members = members_of(role).filter(pk__in=written.exclude(undo=ImportRow.Undo.UNDONE).values("member"))
    return may_have_code(members).filter(status=Member.Status.PENDING)


def issue_codes_for(imported: Import, role: Role, *, by: Actor) -> list[tuple[Member, str]]:
    """Issue a new code to each member who waits for one; previous codes are revoked. Only the caller sees the codes."""
    ids = list(waiting_for_code(imported, role).order_by("pk").values_list("pk", flat=True))
    codes = issue_codes(imported.enterprise, ids, by=by, target=imported)
    addresses = Prefetch("addresses", Address.objects.select_related("domain").filter(purpose="primary"))
    members = waiting_for_code(imported, role).select_related("main_department").prefetch_related(addresses)
    return [(member, codes[member.pk]) for member in members.order_by("pk") if member.pk in codes]


def _require_row(locked: Import, number: int) -> None:
    """Raise ValidationError unless the import has this row, stored or only planned."""
    with suppress(FileNotFoundError):
        if locked.rows.filter(number=number).exists() or RowFiles(locked.stored).planned_rows([number]):
            return
    raise ValidationError(_("This row doesn't exist."), code="no_row")


def _check_again(locked: Import) -> None:
    locked.state, locked.checked = State.CHECKING, 0
    locked.save(update_fields=["state", "checked", "repairs", "skipped_rows", "actor", "actor_name"])


def _work_now_or_later(imported: Import) -> None:
    if imported.read <= settings.IMPORT_ROWS_AT_ONCE and (lease := QUEUE.claim(imported.pk)):
        QUEUE.take_turn(lease)
    else:
        QUEUE.wake()
