"""What is done with an import: start, repair, leave out, apply, cancel, undo, invite; and the worker's side of it."""

from __future__ import annotations

import gc
import hashlib
import logging
import re
import time
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Prefetch
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.access import Permission, may
from accounts.audit import Actor, Record, recording
from accounts.models import Enterprise, Role
from core.wakeups import wake_worker
from directory.access import members_of
from directory.activation_codes import may_have_code, mint_codes
from directory.bulk import settle_statistics
from directory.importing.applying import apply_rows, recount
from directory.importing.checking import Check, check_rows, open_check
from directory.importing.columns import HEADING_ROWS, find_heading
from directory.importing.lease import Lease, LeaseLost, claim_import
from directory.importing.spool import Draft, Spool
from directory.importing.undoing import undo_rows
from directory.importing.workbook import Sheet, WorkbookRefused, read_workbook
from directory.models import Address, Department, Import, ImportRow, Member, MemberQuerySet
from directory.personal_invitations import invite_members

WORK = "directory.tasks.work_on_imports"
MANY = 5000
MERGES_KEPT = 2000
# Far longer than any upload lasts.
ORPHAN_SECONDS = 24 * 3600
State = Import.State
Verdict = ImportRow.Verdict
log = logging.getLogger(__name__)


class ImportRefused(Exception):
    """Nothing was changed; the text says why."""


class Upload(Protocol):
    """As Django hands it over."""

    @property
    def name(self) -> str | None: ...

    @property
    def size(self) -> int | None: ...

    def chunks(self) -> Iterable[bytes]: ...


def start_import(
    department: Department,
    *,
    by: Actor,
    upload: Upload,
    mode: str = Import.Mode.CREATE,
    create_departments: bool = False,
) -> Import:
    """Keep the file, scan and parse it; a worker is woken to check its rows. Raises WorkbookRefused, ImportRefused;
    then nothing was kept."""
    if not upload.size:
        raise WorkbookRefused("empty_file")
    if upload.size > settings.IMPORT_FILE_BYTES:
        raise WorkbookRefused("file_too_large")
    _refuse_haste(department.enterprise)
    stored = uuid.uuid4().hex
    try:
        spool = Spool(stored)
        digest = _store(upload, spool.path("upload"))
        sheet = read_workbook(spool.path("upload"), spool.path("rows"), name=upload.name or "")
        heading = _heading(sheet, is_update=mode == Import.Mode.UPDATE)
        return _keep(department, by, stored, digest, heading, upload.name or "", mode, create_departments)
    except OSError as error:
        Spool(stored).remove()
        log.exception("import_not_stored")
        raise ImportRefused(_("The file can't be kept: our disk may be full. Please tell the operator.")) from error
    except BaseException:
        Spool(stored).remove()
        raise


def repair_row(imported: Import, number: int, cells: dict[str, str], *, by: Actor) -> None:
    """Other cells for one row, and all rows are checked anew: a repair may free another row, or clash with one."""
    with _changing(imported, by, State.READY) as (locked, _record):
        known = locked.heading["columns"]["places"]
        if not ImportRow.objects.filter(import_job=locked, number=number).exists():
            raise ImportRefused(_("There is no such row."))
        locked.repairs.setdefault(str(number), {}).update({name: cells[name] for name in cells if name in known})
        locked.skipped_rows = [one for one in locked.skipped_rows if one != number]
        _check_again(locked)
    _work_now_or_later(imported)


def leave_out_row(imported: Import, number: int, *, by: Actor) -> None:
    with _changing(imported, by, State.READY) as (locked, _record):
        locked.skipped_rows = sorted({*locked.skipped_rows, number})
        _check_again(locked)
    _work_now_or_later(imported)


def begin_import(imported: Import, *, by: Actor) -> None:
    """From the preview to the worker. Raises ImportRefused if it is not ready, or has nothing to do."""
    with _changing(imported, by, State.READY) as (locked, record):
        locked.state, locked.started_at = State.APPLYING, timezone.now()
        locked.lease, locked.lease_until = "", None
        locked.save()
        counts = {"file": locked.file_name, "create": locked.created, "update": locked.updated}
        record("import_started", locked, after=counts)
        transaction.on_commit(hint_imports)


def cancel_import(imported: Import, *, by: Actor, reason: str = "") -> None:
    """What has been applied stays; the rest is not reached. Waits for the chunk that is under way."""
    with _changing(imported, by, State.CHECKING, State.READY, State.APPLYING) as (locked, record):
        locked.state, locked.reason, locked.finished_at = State.CANCELLED, reason[:500], timezone.now()
        # Whoever works on it stops; should that worker be dead, the next import needn't wait for it.
        locked.lease, locked.lease_until = "", None
        _count_what_was_done(locked)
        locked.save()
        record("import_cancelled", locked, after=_counts(locked))


def start_follow_up(imported: Import, follow_up: str, *, by: Actor) -> None:
    """Undo the import, or invite the members it made; small ones at once, the others by a worker."""
    with _changing(imported, by, State.DONE, State.CANCELLED) as (locked, _record):
        if locked.follow_up:
            raise ImportRefused(_("Something is being done with this import already."))
        if follow_up == Import.FollowUp.UNDO and (locked.undone_at or not locked.stored):
            raise ImportRefused(_("This import can no longer be undone."))
        locked.follow_up = follow_up
        locked.save(update_fields=["follow_up"])
    _work_now_or_later(imported)


def hint_imports() -> None:
    """Wake a worker; lost hints are made up for every ten seconds."""
    wake_worker(WORK)


def work_on_imports() -> None:
    """Carry on with whatever waits, one import after another, until nothing does."""
    while lease := claim_import():
        work_on(lease)


def work_on(lease: Lease) -> None:
    """All there is to do for the import now. A database that is away leaves it to the next worker."""
    imported = Import.objects.select_related("enterprise", "author").get(pk=lease.id)
    # In no language: what is kept is worded when it is read.
    with override(None), _collecting_rarely():
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
def _collecting_rarely() -> Iterator[None]:
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


def actor_of(imported: Import) -> Actor:
    """The author, as the worker acts for them."""
    return Actor(user=imported.author, name=imported.author_name, via="task")


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
        record("import_finished", locked, after=_counts(locked))
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


def members_of_import(imported: Import) -> Any:
    """Those it created who are still in the directory."""
    return Member.objects.present().made_by(imported)


def waiting_for_code(imported: Import, role: Role) -> MemberQuerySet:
    """The members it created or changed who join by code and have not joined, of those this role looks after."""
    written = imported.rows.filter(verdict__in=[ImportRow.Verdict.CREATED, ImportRow.Verdict.UPDATED])
    members = members_of(role).filter(pk__in=written.exclude(undo=ImportRow.Undo.UNDONE).values("member"))
    return may_have_code(members).filter(status=Member.Status.PENDING)


def mint_codes_of(imported: Import, role: Role, *, by: Actor) -> list[tuple[Member, str]]:
    """A fresh activation code for each of them, which only the caller ever sees; those they had are dead."""
    ids = list(waiting_for_code(imported, role).order_by("pk").values_list("pk", flat=True))
    codes = mint_codes(imported.enterprise, ids, by=by, target=imported)
    addresses = Prefetch("addresses", Address.objects.select_related("domain").filter(purpose="primary"))
    members = waiting_for_code(imported, role).select_related("main_department").prefetch_related(addresses)
    return [(member, codes[member.pk]) for member in members.order_by("pk") if member.pk in codes]


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
            _count_what_was_done(locked)
        locked.save()
        record("import_failed", locked, after=_counts(locked))


def _count_what_was_done(locked: Import) -> None:
    """Rows that were read and not reached are neither."""
    recount(locked)
    locked.read = max(
        locked.read, locked.created + locked.updated + locked.unchanged + locked.refused + locked.left_out
    )


def _check_again(locked: Import) -> None:
    locked.state = State.CHECKING
    locked.save(update_fields=["state", "repairs", "skipped_rows"])


def _work_now_or_later(imported: Import) -> None:
    lease = claim_import(imported.pk) if imported.read <= settings.IMPORT_ROWS_AT_ONCE else None
    if lease:
        work_on(lease)
    else:
        hint_imports()


@contextmanager
def _changing(imported: Import, by: Actor, *states: str) -> Iterator[tuple[Import, Record]]:
    """The import under the enterprise's lock, if it is in one of these states; else raises ImportRefused."""
    with recording(imported.enterprise, by=by) as record:
        locked = Import.objects.select_for_update().get(pk=imported.pk)
        if locked.state not in states:
            raise ImportRefused(_("The import has moved on meanwhile."))
        yield locked, record


def _role_of(imported: Import) -> Role | None:
    return Role.objects.filter(user=imported.author, enterprise=imported.enterprise_id).first()


def _counts(imported: Import) -> dict[str, int]:
    names = ("read", "created", "updated", "unchanged", "refused", "left_out", "not_reached")
    return {name: getattr(imported, name) for name in names}


def _refuse_haste(enterprise: Enterprise) -> None:
    since = timezone.now() - timedelta(seconds=settings.IMPORT_UPLOAD_WINDOW_SECONDS)
    if Import.objects.filter(enterprise=enterprise, created_at__gt=since).count() >= settings.IMPORT_UPLOADS:
        raise ImportRefused(_("Too many files within ten minutes. Please wait a little."))


def _heading(sheet: Sheet, *, is_update: bool) -> dict[str, Any]:
    first = list(takewhile(lambda line: line[0] <= HEADING_ROWS, sheet.lines()))
    heading = find_heading(first, is_update=is_update)
    rows = sheet.rows - sum(number <= heading.row for number, _cells in first)
    if not rows:
        raise WorkbookRefused("no_rows")
    if rows > settings.IMPORT_ROWS:
        raise WorkbookRefused("row_limit")
    return {
        "columns": asdict(heading),
        "sheet": sheet.name,
        "other_sheets": sheet.other_sheets[:20],
        "hidden_rows": sheet.hidden_rows,
        "hidden_columns": sheet.hidden_columns,
        "merges": sheet.merges[:MERGES_KEPT],
        "child_memory": sheet.child_memory,
    }


def _keep(
    department: Department,
    by: Actor,
    stored: str,
    digest: str,
    heading: dict[str, Any],
    name: str,
    mode: str,
    create_departments: bool,
) -> Import:
    with transaction.atomic():
        imported = Import.objects.create(
            enterprise=department.enterprise,
            author=by.user,
            author_name=by.name[:64],
            department=department,
            department_name=department.name,
            mode=mode,
            create_departments=create_departments,
            language=translation.get_language() or settings.LANGUAGE_CODE,
            file_name=plain_file_name(name),
            stored=stored,
            digest=digest,
            heading=heading,
        )
        transaction.on_commit(hint_imports)
    return imported


def plain_file_name(name: str) -> str:
    """For showing only: no path, nothing that can't be seen."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    return "".join(sign for sign in base if unicodedata.category(sign)[0] != "C").strip()[-128:] or "–"


def _store(upload: Upload, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in upload.chunks():
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def kept_columns(imported: Import) -> Sequence[str]:
    """The names of the columns that the file has, in its order."""
    places: dict[str, int] = imported.heading["columns"]["places"]
    return sorted(places, key=lambda name: places[name])
