"""The background work on imports: read, check, apply, undo, invite, and delete what has expired."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop, override

from accounts.audit.recording import recording, task_actor
from accounts.permissions import Permission, acting_role, may
from core.leased_jobs import JobQueue, Lease
from core.translatable import TranslatableText
from directory.imports.apply import apply_rows
from directory.imports.check import Check, RightsChanged, check_rows, open_check
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.reading.stored_file import read_into
from directory.imports.row_files import PlanWriter, RowFiles
from directory.imports.transitions import (
    State,
    Verdict,
    actor_of,
    cancel_import,
    count_outcomes,
    counts_of_import,
    members_to_invite,
    recount,
)
from directory.imports.undo.rows import undo_rows
from directory.joining.invitations import BULK, invite_members
from directory.joining.invitations import CHUNK as INVITED_AT_ONCE
from directory.models import Import
from directory.table_statistics import settle_statistics

FollowUp = Import.FollowUp
WORK = "directory.tasks.work_on_imports"
# After this many new members the planner needs new statistics.
MANY = 5000
# Much longer than an upload takes.
ORPHAN_SECONDS = 24 * 3600
BROKEN: dict[str, str] = {
    State.CHECKING: gettext_noop("Something went wrong while checking the file. Upload it again."),
    State.APPLYING: gettext_noop(
        "Something went wrong, and the import stopped. What was already imported is kept and can be undone."
    ),
    FollowUp.UNDO: gettext_noop(
        "Something went wrong, and the undo stopped. What was already undone stays undone. Undo the rest again."
    ),
    FollowUp.INVITE: gettext_noop("Something went wrong. Send the remaining invitations again."),
}
FILE_GONE = gettext_noop("The file is no longer available. Upload it again.")
FORBIDDEN = {
    Permission.MANAGE_MEMBERS: gettext_noop("The person who started this no longer has permission to manage members."),
    Permission.SEND_INVITATIONS: gettext_noop(
        "The person who started this no longer has permission to send invitations."
    ),
}
DEPARTMENT_GONE = gettext_noop(
    "The selected department no longer exists, or is no longer managed by the person who started this."
)
_collector = threading.Lock()
_rare_collections = 0
_usual_thresholds = gc.get_threshold()


def work_on_imports() -> None:
    """Take turns on all imports that wait, until none waits."""
    QUEUE.work_on_all()


@contextmanager
def less_garbage_collection() -> Iterator[None]:
    """Let the garbage collector run less often: it takes a fifth of an import's time.

    The thresholds belong to the process, which may work on several imports at once: the last one restores them.
    """
    global _rare_collections, _usual_thresholds
    with _collector:
        if not _rare_collections:
            _usual_thresholds = gc.get_threshold()
            gc.set_threshold(200_000, *_usual_thresholds[1:])
        _rare_collections += 1
    try:
        yield
    finally:
        with _collector:
            _rare_collections -= 1
            if not _rare_collections:
                gc.set_threshold(*_usual_thresholds)


def erase_old_imports() -> int:
    """Delete files, cells and previous values older than IMPORT_KEPT_DAYS, unless the import is being worked on.

    Counts, verdicts, reasons and members stay. Return how many imports were emptied.
    """
    before = timezone.now() - timedelta(days=settings.IMPORT_KEPT_DAYS)
    old = Import.objects.filter(created_at__lt=before).exclude(stored="").select_related("enterprise")
    emptied = sum(map(_empty, old))
    _remove_orphans()
    return emptied


def _empty(imported: Import) -> bool:
    with recording(imported.enterprise, by=task_actor("upkeep")) as record:
        idle = Import.objects.select_for_update().filter(QUEUE.is_free(), pk=imported.pk, follow_up="")
        locked = idle.exclude(state=State.APPLYING).exclude(stored="").first()
        if locked is None:
            return False
        locked.rows.update(cells=None, facts=None, previous=None, notes=[])
        stored, locked.stored, locked.repairs = locked.stored, "", {}
        if locked.state in {State.CHECKING, State.READY}:
            locked.state, locked.finished_at = State.CANCELLED, timezone.now()
            record("import_cancelled", locked, after=counts_of_import(locked))
        locked.save()
    RowFiles(stored).remove()
    return True


def _remove_orphans() -> None:
    """Remove files without an import: the process was killed between the upload and the import's row."""
    known = set(Import.objects.exclude(stored="").values_list("stored", flat=True))
    for path in Path(settings.IMPORT_DIR).glob("*.*"):
        is_old = time.time() - path.stat().st_mtime > ORPHAN_SECONDS
        if is_old and path.name.partition(".")[0] not in known:
            path.unlink(missing_ok=True)


def _work(lease: Lease[Import]) -> None:
    """Take the next step of an import, without an active language: texts are stored untranslated."""
    with override(None), less_garbage_collection():
        imported = lease.job()
        role = acting_role(imported.actor_id, imported.enterprise_id)
        permission = Permission.SEND_INVITATIONS if imported.follow_up == FollowUp.INVITE else Permission.MANAGE_MEMBERS
        if role is None or not may(role, permission):
            _stop(lease, FORBIDDEN[permission])
            return
        if imported.state == State.CHECKING and not imported.is_read:
            _read(imported, lease)
            return
        try:
            check = open_check(imported, role)
        except LookupError:
            _stop(lease, DEPARTMENT_GONE)
            return
        # If rights change during a turn, the next one begins with the current ones.
        with suppress(RightsChanged):
            _take_step(imported, check, lease)


def _read(imported: Import, lease: Lease[Import]) -> None:
    """Read the file, which is a turn of its own: it can't be resumed, so a killed worker's successor reads it again."""
    files = RowFiles(imported.stored)
    files.remove_drafts()
    try:
        with files.draft() as draft:
            rows = draft.path("rows")
            heading = read_into(rows, imported, keep=lease.renew)
            with transaction.atomic():
                lease.renew(heading=heading)
                rows.replace(files.path("rows"))
    except WorkbookRefused as refused:
        _fail(lease, refused.message)
    except FileNotFoundError:
        _fail(lease, TranslatableText(FILE_GONE))


def _take_step(imported: Import, check: Check, lease: Lease[Import]) -> None:
    files, by = RowFiles(imported.stored), actor_of(imported)
    try:
        if imported.state == State.CHECKING:
            _check(check, files, lease)
        elif imported.state == State.APPLYING:
            if apply_rows(check, files, by=by, lease=lease):
                _finish(imported, lease)
        elif imported.follow_up == FollowUp.UNDO:
            undo_rows(check, files, by=by, lease=lease)
        elif imported.follow_up == FollowUp.INVITE:
            _invite(check, lease)
    except FileNotFoundError:
        _break_off(lease, FILE_GONE)


def _check(check: Check, files: RowFiles, lease: Lease[Import]) -> None:
    with files.plan_writer() as plan:
        check_rows(check, files, plan, keep=lease.renew)
        _make_ready(check, plan, lease)


def _make_ready(check: Check, plan: PlanWriter, lease: Lease[Import]) -> None:
    with transaction.atomic():
        locked = lease.lock()
        if locked.state != State.CHECKING:
            return
        counts = check.counts
        locked.read, locked.refused = counts.total(), counts[Verdict.REFUSED]
        locked.created, locked.updated = counts[Verdict.NEW], counts[Verdict.CHANGED]
        locked.unchanged, locked.left_out = counts[Verdict.UNCHANGED], counts[Verdict.LEFT_OUT]
        locked.state = State.READY
        locked.save()
        plan.publish(check.departments.paths(check.context))


def _finish(imported: Import, lease: Lease[Import]) -> None:
    with recording(imported.enterprise, by=actor_of(imported)) as record:
        locked = lease.lock()
        if locked.state != State.APPLYING:
            return
        recount(locked)
        if locked.not_reached:
            # The plan was cut, by a full disk for example.
            raise FileNotFoundError(imported.stored)
        locked.state, locked.finished_at = State.DONE, timezone.now()
        locked.save()
        record("import_finished", locked, after=counts_of_import(locked))
    if locked.created >= MANY:
        settle_statistics()


def _invite(check: Check, lease: Lease[Import]) -> None:
    """Invite the members who have not joined. Safe to run again: those invited a minute ago are left out."""
    assert check.role
    imported, by = check.imported, actor_of(check.imported)
    members = list(members_to_invite(imported, check.role).select_related("enterprise").order_by("pk"))
    sent, left_out = imported.invited or 0, 0
    for start in range(0, len(members), INVITED_AT_ONCE):
        with recording(imported.enterprise, by=by), override(imported.language):
            check.require_current_rights()
            outcome = invite_members(members[start : start + INVITED_AT_ONCE], by=by, rules=BULK)
            sent, left_out = sent + outcome.sent, left_out + len(outcome.left_out)
            lease.renew(invited=sent)
    lease.renew(follow_up="", invited=sent, not_invited=left_out)


def _stop(lease: Lease[Import], reason: str) -> None:
    imported = lease.job()
    if imported.follow_up:
        _stop_follow_up(lease, reason)
    else:
        cancel_import(imported, by=actor_of(imported), reason=reason)


def _give_up(lease: Lease[Import]) -> None:
    imported = lease.job()
    _break_off(lease, BROKEN[imported.follow_up or imported.state])


def _break_off(lease: Lease[Import], reason: str) -> None:
    if lease.job().follow_up:
        _stop_follow_up(lease, reason)
    else:
        _fail(lease, TranslatableText(reason))


def _stop_follow_up(lease: Lease[Import], reason: str) -> None:
    """End the follow-up. What it did stays, and the rest can be started again."""
    imported = lease.job()
    with recording(imported.enterprise, by=actor_of(imported)) as record:
        locked = lease.lock()
        stopped, locked.follow_up, locked.follow_up_reason = locked.follow_up, "", reason
        locked.save(update_fields=["follow_up", "follow_up_reason"])
        record("import_stopped", locked, after={"action": stopped})


def _fail(lease: Lease[Import], reason: TranslatableText) -> None:
    """End the import. What was done can be undone; a file that could not be read is removed."""
    imported = lease.job()
    with recording(imported.enterprise, by=actor_of(imported)) as record:
        locked = lease.lock()
        locked.state, locked.finished_at = State.FAILED, timezone.now()
        locked.reason, locked.reason_params = reason.text, dict(reason.params)
        count_outcomes(locked)
        if not locked.is_read:
            locked.stored = ""
        locked.save()
        record("import_failed", locked, after=counts_of_import(locked))
    if not locked.is_read:
        RowFiles(imported.stored).remove()


QUEUE: JobQueue[Import] = JobQueue(
    Import,
    waits=Q(state__in=[State.CHECKING, State.APPLYING]) | ~Q(follow_up=""),
    task=WORK,
    work=_work,
    give_up=_give_up,
    # Two that write members would wait for each other; a check writes none.
    excludes=~Q(state=State.CHECKING),
)
