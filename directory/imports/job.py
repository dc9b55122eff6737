"""The background work on imports: check, apply, undo, invite, and delete what has expired."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.audit.recording import recording
from accounts.models import Role
from accounts.permissions import Permission, may
from directory.imports.apply import apply_rows, recount
from directory.imports.check import Check, check_rows, open_check
from directory.imports.lease import Lease, LeaseLost, claim_import
from directory.imports.row_files import Draft, Spool
from directory.imports.transitions import (
    State,
    Verdict,
    actor_of,
    cancel_import,
    count_what_was_done,
    counts_of_import,
    members_of_import,
)
from directory.imports.undo import undo_rows
from directory.joining.invitations import invite_members
from directory.models import Import, Member
from directory.table_statistics import settle_statistics

MANY = 5000

# Far longer than any upload lasts.
ORPHAN_SECONDS = 24 * 3600

log = logging.getLogger(__name__)


def work_on_imports() -> None:
    """Carry on with whatever waits, one import after another, until nothing does."""
    while lease := claim_import():
        work_on(lease)


def work_on(lease: Lease) -> None:
    """All there is to do for the import now. A database that is away leaves it to the next worker."""
    imported = Import.objects.select_related("enterprise", "author").get(pk=lease.id)
    # In no language: what is kept is worded when it is read.
    with override(None), collecting_rarely():
        try:
            _work(imported, lease)
        except LeaseLost:
            log.warning("import_taken_over import=%d", imported.pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("import_failed import=%d", imported.pk)
            _fail(imported, _("Something broke on our side. Nothing is half done; please upload the file again."))
    lease.release()


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Rows are many small objects that end with their chunk: looking among them for cycles is a fifth of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def empty_imports() -> int:
    """Files, cells and previous values older than IMPORT_KEPT_DAYS; counts, verdicts, reasons and members stay."""
    old = Import.objects.filter(created_at__lt=timezone.now() - timedelta(days=settings.IMPORT_KEPT_DAYS))
    emptied = 0
    for imported in old.exclude(stored="").exclude(state=State.APPLYING):
        with transaction.atomic():
            imported.rows.update(cells=None, facts=None, previous=None, notes=[])
            state = State.CANCELLED if imported.state in {State.CHECKING, State.READY} else imported.state
            Import.objects.filter(pk=imported.pk).update(stored="", repairs={}, state=state)
        Spool(imported.stored).remove()
        emptied += 1
    _remove_orphans()
    return emptied


def _remove_orphans() -> None:
    """Files of uploads that ended between the file and its row: the process was killed there."""
    known = set(Import.objects.exclude(stored="").values_list("stored", flat=True))
    for path in Path(settings.IMPORT_DIR).glob("*.*"):
        is_old = time.time() - path.stat().st_mtime > ORPHAN_SECONDS
        if is_old and path.name.partition(".")[0] not in known:
            path.unlink(missing_ok=True)


def _work(imported: Import, lease: Lease) -> None:
    role = _role_of(imported)
    if role is None or not may(role, Permission.MANAGE_MEMBERS):
        _stop(imported, _("Whoever started it may no longer manage members."))
        return
    try:
        check = open_check(imported, role)
    except LookupError:
        _stop(imported, _("The department it was for no longer exists."))
        return
    if imported.state == State.CHECKING:
        _check(imported, check, lease)
    elif imported.state == State.APPLYING:
        try:
            apply_rows(check, Spool(imported.stored), by=actor_of(imported), lease=lease)
        except FileNotFoundError:
            _fail(imported, _("The file is no longer there. Please upload it again."))
            return
        _finish(imported, lease)
    elif imported.follow_up == Import.FollowUp.UNDO:
        undo_rows(check, Spool(imported.stored), by=actor_of(imported), lease=lease)
    elif imported.follow_up == Import.FollowUp.INVITE:
        _invite(imported)


def _check(imported: Import, check: Check, lease: Lease) -> None:
    spool = Spool(imported.stored)
    try:
        with spool.drafting() as draft:
            check_rows(check, spool, draft, keep=lease.keep)
            _make_ready(check, draft, lease)
    except FileNotFoundError:
        _fail(imported, _("The file is no longer there. Please upload it again."))


def _make_ready(check: Check, draft: Draft, lease: Lease) -> None:
    with transaction.atomic():
        locked = lease.hold()
        if locked.state != State.CHECKING:
            return
        counts = check.counts
        locked.read, locked.refused = counts.total(), counts[Verdict.REFUSED]
        locked.created, locked.updated = counts[Verdict.NEW], counts[Verdict.CHANGED]
        locked.unchanged, locked.left_out = counts[Verdict.UNCHANGED], counts[Verdict.LEFT_OUT]
        locked.state = State.READY
        locked.save()
        draft.put_in_place()


def _finish(imported: Import, lease: Lease) -> None:
    with recording(imported.enterprise, by=actor_of(imported)) as record:
        locked = lease.hold()
        if locked.state != State.APPLYING:
            return
        locked.state, locked.finished_at = State.DONE, timezone.now()
        recount(locked)
        locked.save()
        record("import_finished", locked, after=counts_of_import(locked))
    if locked.created >= MANY:
        settle_statistics()


def _invite(imported: Import) -> None:
    """Safe to run again: whoever got a link a minute ago is left out."""
    made = members_of_import(imported).filter(status=Member.Status.PENDING, invited_at=None)
    with override(imported.language):
        outcome = invite_members(made.select_related("enterprise").order_by("pk"), by=actor_of(imported))
    Import.objects.filter(pk=imported.pk).update(
        follow_up="", invited=(imported.invited or 0) + outcome.sent, not_invited=len(outcome.left_out)
    )


def _stop(imported: Import, reason: str) -> None:
    if imported.state in {State.CHECKING, State.APPLYING}:
        cancel_import(imported, by=actor_of(imported), reason=reason)
    else:
        Import.objects.filter(pk=imported.pk).update(follow_up="")


def _fail(imported: Import, reason: str) -> None:
    with recording(imported.enterprise, by=actor_of(imported)) as record:
        locked = Import.objects.select_for_update().get(pk=imported.pk)
        locked.follow_up, locked.reason, locked.finished_at = "", reason[:500], timezone.now()
        if locked.state in {State.CHECKING, State.APPLYING}:
            locked.state = State.FAILED
            count_what_was_done(locked)
        locked.save()
        record("import_failed", locked, after=counts_of_import(locked))


def _role_of(imported: Import) -> Role | None:
    return Role.objects.filter(user=imported.author, enterprise=imported.enterprise_id).first()
