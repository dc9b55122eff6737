"""Bulk actions: act on many members in the background.

Opening one inserts an item per member. A worker acts on CHUNK members per transaction, under the enterprise's lock, and
deletes their items; items of skipped members keep the reason. So no member is acted on twice, even if a worker is
killed or two run at once. The author's right is checked again for each chunk.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language, gettext_noop, override

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise, Role
from accounts.permissions import Permission, acting_role, may
from core.downloads import is_disk_full
from core.leased_jobs import JobQueue, Lease
from directory.bulk_actions.actions import Outcome, apply_to_members
from directory.imports.export import CHUNK as EXPORT_CHUNK
from directory.imports.export import export_members
from directory.models import BulkAction, BulkActionItem, Member, MemberQuerySet

WORK = "directory.tasks.work_on_bulk_actions"
CHUNK = 500
# The lease while a workbook is compressed and written, which renews nothing: measured with a million rows.
SAVING_SECONDS = 300
DISK_FULL = gettext_noop("The file couldn't be saved. The server's disk may be full. Contact the operator.")
Kind, State = BulkAction.Kind, BulkAction.State
Reason = BulkActionItem.Reason


class NumberChanged(Exception):
    """The number of members is not the confirmed one; no bulk action was opened."""


def open_bulk_action(
    enterprise: Enterprise,
    kind: str,
    members: MemberQuerySet,
    *,
    by: Actor,
    confirmed: int | None = None,
    filters: Mapping[str, str] | None = None,
) -> BulkAction:
    """Open a bulk action on these members; a worker acts in the author's name, as far as the author may by then.

    `filters`, if they chose the members, are recorded.
    Raises NumberChanged if there are not as many as `confirmed`.
    """
    with recording(enterprise, by=by) as record:
        action = BulkAction.objects.create(
            enterprise=enterprise,
            author=by.user,
            author_name=by.name[:64],
            kind=kind,
            language=get_language() or settings.LANGUAGE_CODE,
        )
        action.total = _write_items(action, members)
        if confirmed is not None and confirmed != action.total:
            raise NumberChanged
        action.save(update_fields=["total"])
        after = {"action": kind, "chosen": action.total} | ({} if filters is None else {"filters": filters})
        record("bulk_action_started", action, after=after)
        transaction.on_commit(QUEUE.wake)
    return action


def cancel_bulk_action(action: BulkAction, *, by: Actor) -> None:
    """Cancel what is not done yet, after the current chunk. A finished bulk action stays as it is."""
    with recording(action.enterprise, by=by) as record:
        locked = BulkAction.objects.select_for_update().get(pk=action.pk)
        if locked.state == State.WORKING:
            _cancel(locked, record)


def work_on_bulk_actions() -> None:
    """Work on each open bulk action in turn, until there is none."""
    QUEUE.work_on_all()


def may_still(action: BulkAction, role: Role | None) -> bool:
    """Return True if this role has the permission that the action needs."""
    needed = Permission.SEE_PHONES if action.kind == Kind.EXPORT else Permission.MANAGE_MEMBERS
    return role is not None and may(role, needed)


def exported_file(action: BulkAction) -> Path | None:
    """Return the workbook of an export; None once it is deleted."""
    if not action.stored or not action.finished_at or action.finished_at < _kept_since():
        return None
    path = _path_of(action.stored)
    return path if path.exists() else None


def delete_expired_exports() -> None:
    """Delete workbooks older than EXPORT_KEPT_HOURS, and unfinished ones of killed workers."""
    BulkAction.objects.filter(finished_at__lt=_kept_since()).exclude(stored="").update(stored="")
    for path in Path(settings.EXPORT_DIR).glob("*.*"):
        if path.stat().st_mtime < _kept_since().timestamp():
            path.unlink(missing_ok=True)


def _write_items(action: BulkAction, members: MemberQuerySet) -> int:
    """Insert the items in one statement, because there may be a million."""
    chosen, params = members.order_by().values_list("id").query.sql_with_params()
    columns = "bulk_action_id, member_id, reason"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {BulkActionItem._meta.db_table} ({columns}) SELECT %s, id, '' FROM ({chosen}) chosen",  # noqa: S608
            [action.pk, *params],
        )
        return cursor.rowcount


def _work(lease: Lease[BulkAction]) -> None:
    if lease.job().kind == Kind.EXPORT:
        with _named_full_disk(lease):
            _export(lease)
        return
    while _do_chunk(lease) and not lease.is_turn_over:
        pass


def _do_chunk(lease: Lease[BulkAction]) -> bool:
    """Act on the next CHUNK members; return False if there is none. Raises LeaseLost."""
    action = lease.job()
    # Reasons and events are stored untranslated and rendered in the reader's language.
    with recording(action.enterprise, by=_actor_of(action)) as record, override(None):
        locked = lease.lock()
        role = _role_of(locked)
        if role is None:
            _cancel_without_right(locked, record)
            return False
        ids = _next_ids(locked, locked.position, CHUNK)
        if not ids:
            _finish(locked, record)
            return False
        _note(locked, ids, apply_to_members(locked.kind, role, ids, by=_actor_of(action)))
    return True


def _export(lease: Lease[BulkAction]) -> None:
    """Write the workbook from the start, even if another worker had begun. Raises LeaseLost."""
    action = lease.job()
    with override(action.language):
        content = export_members(action.enterprise, _chunks_to_export(action, lease), language=action.language)
    lease.renew()
    stored = uuid.uuid4().hex
    _store(content, stored)
    with recording(action.enterprise, by=_actor_of(action)) as record:
        locked = lease.lock()
        # The workbook is incomplete, too, if the author lost the right for a while.
        if _role_of(locked) is None or locked.done < locked.total:
            _path_of(stored).unlink()
            _cancel_without_right(locked, record)
            return
        locked.items.filter(member__erased_at__isnull=False).update(reason=Reason.ERASED)
        locked.left_out = locked.items.filter(reason=Reason.ERASED).count()
        locked.done, locked.stored = locked.total - locked.left_out, stored
        _finish(locked, record)


@contextmanager
def _named_full_disk(lease: Lease[BulkAction]) -> Iterator[None]:
    """Store a full disk as the reason while the export is retried, and for good if it is given up."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            lease.renew(reason=DISK_FULL)
        raise


def _chunks_to_export(action: BulkAction, lease: Lease[BulkAction]) -> Iterator[Sequence[int]]:
    """Yield ids and update the progress; stop early if the author has lost the right."""
    read, position = 0, 0
    while (ids := _next_ids(action, position, EXPORT_CHUNK)) and _role_of(action):
        yield list(Member.objects.filter(pk__in=ids, erased_at=None).values_list("pk", flat=True))
        read, position = read + len(ids), ids[-1]
        lease.renew(done=read)
    lease.renew(seconds=SAVING_SECONDS)


def _store(content: bytes, stored: str) -> None:
    """Write a file that only this system user can read, and rename it when it is complete."""
    path = _path_of(stored)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    try:
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _next_ids(action: BulkAction, position: int, number: int) -> list[int]:
    waiting = action.items.filter(member__gt=position).order_by("member_id")
    return list(waiting.values_list("member_id", flat=True)[:number])


def _note(locked: BulkAction, ids: Sequence[int], outcome: Outcome) -> None:
    remarks = [*((id, reason, None) for id, reason in outcome.left_out.items()), *outcome.remarks]
    locked.items.filter(member__in=ids).delete()
    BulkActionItem.objects.bulk_create(
        BulkActionItem(bulk_action=locked, member_id=id, reason=reason, holder_id=holder)
        for id, reason, holder in remarks
    )
    locked.position = ids[-1]
    locked.left_out += len(outcome.left_out)
    locked.done += len(ids) - len(outcome.left_out)
    locked.save(update_fields=["position", "left_out", "done"])


def _finish(locked: BulkAction, record: Record) -> None:
    _end(locked, State.DONE)
    record("bulk_action_finished", locked, after=_counts(locked))


def _cancel(locked: BulkAction, record: Record, reason: str = "") -> None:
    if locked.kind == Kind.EXPORT:
        locked.done = 0
    _end(locked, State.CANCELLED, reason)
    record("bulk_action_cancelled", locked, after=_counts(locked))


def _cancel_without_right(locked: BulkAction, record: Record) -> None:
    _cancel(locked, record, gettext_noop("The person who started this no longer has permission to do it."))


def _give_up(lease: Lease[BulkAction]) -> None:
    action = lease.job()
    with recording(action.enterprise, by=_actor_of(action)) as record:
        locked = lease.lock()
        if locked.kind == Kind.EXPORT:
            locked.done = 0
        _end(
            locked,
            State.FAILED,
            locked.reason or gettext_noop("Something went wrong, and the task stopped. What was already done is kept."),
        )
        record("bulk_action_failed", locked, after=_counts(locked))


def _end(locked: BulkAction, state: str, reason: str = "") -> None:
    """Save the final state and delete the items that were not reached."""
    locked.state, locked.reason, locked.finished_at = state, reason, timezone.now()
    locked.lease, locked.lease_until = "", None
    locked.save()
    locked.items.filter(reason="").delete()


def _counts(action: BulkAction) -> dict[str, object]:
    return {"action": action.kind, **{name: getattr(action, name) for name in ("done", "left_out", "not_reached")}}


def _role_of(action: BulkAction) -> Role | None:
    """Return the author's role, if it still suffices."""
    role = acting_role(action.author_id, action.enterprise_id)
    return role if may_still(action, role) else None


def _actor_of(action: BulkAction) -> Actor:
    return Actor(user=action.author, name=action.author_name, via="task")


def _path_of(stored: str) -> Path:
    return Path(settings.EXPORT_DIR) / f"{stored}.xlsx"


def _kept_since() -> datetime:
    return timezone.now() - timedelta(hours=settings.EXPORT_KEPT_HOURS)


QUEUE: JobQueue[BulkAction] = JobQueue(
    BulkAction, waits=Q(state=State.WORKING), task=WORK, work=_work, give_up=_give_up
)
