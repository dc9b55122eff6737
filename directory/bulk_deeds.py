"""Deeds on many members, done by a worker: opened, worked on, cancelled.

Whom a deed is about is settled as it is opened: an item for each. A worker takes 500 of them a transaction, under the
enterprise's lock, and forgets the items of those it did; who was left out stays, with the reason. So a worker that was
killed, or two at once, do nothing twice. The author's right is asked for anew each time.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language, gettext_noop, override

from accounts.access import Permission, may
from accounts.audit import Actor, Record, recording
from accounts.models import Enterprise, Role
from directory.bulk_chunks import Outcome, do_to_members
from directory.member_export import CHUNK as EXPORT_CHUNK
from directory.member_export import export_members
from directory.models import BulkDeed, BulkDeedItem, Member
from directory.querysets import MemberQuerySet
from sms.hints import hint_work

WORK = "directory.tasks.work_on_bulk_deeds"
CHUNK = 500
# After so long a worker looks for other work; the deed goes on in its next turn. A task may last 600.
TURN_SECONDS = 240
# Of a million rows: no sign of life comes while a workbook is packed.
SAVING_SECONDS = 300
Kind, State = BulkDeed.Kind, BulkDeed.State
Reason = BulkDeedItem.Reason
log = logging.getLogger(__name__)


class NumberChanged(Exception):
    """It is another number of members than was confirmed: nothing was opened."""


class Stopped(Exception):
    """Whoever works on the deed must write nothing more: it was cancelled, or another worker took over."""


def open_bulk_deed(
    enterprise: Enterprise, kind: str, members: MemberQuerySet, *, by: Actor, confirmed: int | None = None
) -> BulkDeed:
    """Write down whom it is about; the worker does the rest, in the author's name and by the author's right.

    Raises NumberChanged if it is not as many as were `confirmed`."""
    with recording(enterprise, by=by) as record:
        deed = BulkDeed.objects.create(
            enterprise=enterprise,
            author=by.user,
            author_name=by.name[:64],
            kind=kind,
            language=get_language() or settings.LANGUAGE_CODE,
        )
        deed.total = _write_items(deed, members)
        if confirmed is not None and confirmed != deed.total:
            raise NumberChanged
        deed.save(update_fields=["total"])
        record("bulk_deed_started", deed, after={"deed": kind, "chosen": deed.total})
        transaction.on_commit(partial(hint_work, WORK))
    return deed


def cancel_bulk_deed(deed: BulkDeed, *, by: Actor) -> None:
    """What is done stays done, the rest is not reached. Waits for the chunk that is under way; does nothing to a deed
    that is over."""
    with recording(deed.enterprise, by=by) as record:
        locked = BulkDeed.objects.select_for_update().get(pk=deed.pk)
        if locked.state == State.WORKING:
            _cancel(locked, record)


def work_on_bulk_deeds() -> None:
    """Carry on with whatever waits, one deed after another, until nothing does or the turn is over."""
    until = time.monotonic() + TURN_SECONDS
    while deed := _claim():
        _work_on(deed, until)
        if time.monotonic() > until:
            hint_work(WORK)
            return


def may_still(deed: BulkDeed, role: Role | None) -> bool:
    """Whether this role's right is enough for what the deed does."""
    needed = Permission.SEE_PHONES if deed.kind == Kind.EXPORT else Permission.MANAGE_MEMBERS
    return role is not None and may(role, needed)


def exported_file(deed: BulkDeed) -> Path | None:
    """The workbook of an export, as long as it is kept."""
    if not deed.stored or not deed.finished_at or deed.finished_at < _kept_since():
        return None
    path = _path_of(deed.stored)
    return path if path.exists() else None


def forget_exports() -> None:
    """Workbooks older than EXPORT_KEPT_HOURS, and what a killed worker left of one."""
    BulkDeed.objects.filter(finished_at__lt=_kept_since()).exclude(stored="").update(stored="")
    for path in Path(settings.EXPORT_DIR).glob("*.*"):
        if path.stat().st_mtime < _kept_since().timestamp():
            path.unlink(missing_ok=True)


def _write_items(deed: BulkDeed, members: MemberQuerySet) -> int:
    """All at once within the database: they may be a million."""
    chosen, params = members.order_by().values_list("id").query.sql_with_params()
    columns = "deed_id, member_id, reason"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {BulkDeedItem._meta.db_table} ({columns}) SELECT %s, id, '' FROM ({chosen}) chosen",  # noqa: S608
            [deed.pk, *params],
        )
        return cursor.rowcount


def _claim() -> BulkDeed | None:
    """The oldest that nobody works on, now ours as long as its lease is kept up."""
    is_free = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    waiting = BulkDeed.objects.filter(is_free, state=State.WORKING)
    for pk in waiting.order_by("pk").values_list("pk", flat=True):
        if waiting.filter(pk=pk).update(lease=uuid.uuid4().hex, lease_until=_lease_end()):
            return BulkDeed.objects.select_related("enterprise", "author").get(pk=pk)
    return None


def _work_on(deed: BulkDeed, until: float) -> None:
    """A database that is away leaves the deed to the next worker."""
    try:
        if deed.kind == Kind.EXPORT:
            _export(deed)
        else:
            while _do_chunk(deed) and time.monotonic() < until:
                pass
    except Stopped:
        log.info("bulk_deed_stopped deed=%d", deed.pk)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("bulk_deed_failed deed=%d", deed.pk)
        _fail(deed)
    BulkDeed.objects.filter(pk=deed.pk, lease=deed.lease).update(lease="", lease_until=None)


def _do_chunk(deed: BulkDeed) -> bool:
    """The next 500; False once nobody waits. Raises Stopped."""
    by = _actor_of(deed)
    # In no language: the audit log's words, and a refusal's, are put together when they are read.
    with recording(deed.enterprise, by=by) as record, override(None):
        locked = _hold(deed)
        role = _role_of(locked)
        if role is None:
            _cancel_without_right(locked, record)
            return False
        ids = _next_ids(locked, locked.position, CHUNK)
        if not ids:
            _finish(locked, record)
            return False
        _note(locked, ids, do_to_members(locked.kind, role, ids, by=by))
    return True


def _export(deed: BulkDeed) -> None:
    """From the first member on, also where another worker had begun: half a workbook is none. Raises Stopped."""
    with override(deed.language):
        content = export_members(deed.enterprise, _chunks_to_export(deed), language=deed.language)
    if not _keep(deed):
        raise Stopped
    stored = uuid.uuid4().hex
    _store(content, stored)
    with recording(deed.enterprise, by=_actor_of(deed)) as record:
        locked = _hold(deed)
        # As many as were read: a right lost and given back on the way leaves half a workbook too.
        if _role_of(locked) is None or locked.done < locked.total:
            _path_of(stored).unlink()
            _cancel_without_right(locked, record)
            return
        locked.items.filter(member__purged_at__isnull=False).update(reason=Reason.PURGED)
        locked.left_out = locked.items.filter(reason=Reason.PURGED).count()
        locked.done, locked.stored = locked.total - locked.left_out, stored
        _finish(locked, record)


def _chunks_to_export(deed: BulkDeed) -> Iterator[Sequence[int]]:
    """The bar moves with each. They end early where the deed is no longer ours or its author's, and the caller sees
    why: what is begun of a workbook is only cleared away by ending it."""
    read, position = 0, 0
    while (ids := _next_ids(deed, position, EXPORT_CHUNK)) and _role_of(deed):
        yield list(Member.objects.filter(pk__in=ids, purged_at=None).values_list("pk", flat=True))
        read, position = read + len(ids), ids[-1]
        if not _keep(deed, done=read):
            return
    _keep(deed, lease_until=timezone.now() + timedelta(seconds=SAVING_SECONDS))


def _store(content: bytes, stored: str) -> None:
    """For this system's user alone, and in place only once it is whole."""
    path = _path_of(stored)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.replace(path)


def _hold(deed: BulkDeed) -> BulkDeed:
    """As it is now, locked until the end of the transaction, its lease kept up. Raises Stopped."""
    if not _keep(deed):
        raise Stopped
    return BulkDeed.objects.select_for_update(of=["self"]).select_related("enterprise").get(pk=deed.pk)


def _keep(deed: BulkDeed, **changes: object) -> bool:
    """The lease, for another while; whether it was still ours."""
    held = BulkDeed.objects.filter(pk=deed.pk, lease=deed.lease, state=State.WORKING)
    return bool(held.update(**{"lease_until": _lease_end()} | changes))


def _next_ids(deed: BulkDeed, position: int, number: int) -> list[int]:
    waiting = deed.items.filter(member__gt=position).order_by("member_id")
    return list(waiting.values_list("member_id", flat=True)[:number])


def _note(locked: BulkDeed, ids: Sequence[int], outcome: Outcome) -> None:
    told = [*((id, reason, None) for id, reason in outcome.left_out.items()), *outcome.remarks]
    locked.items.filter(member__in=ids).delete()
    BulkDeedItem.objects.bulk_create(
        BulkDeedItem(deed=locked, member_id=id, reason=reason, holder_id=holder) for id, reason, holder in told
    )
    locked.position = ids[-1]
    locked.left_out += len(outcome.left_out)
    locked.done += len(ids) - len(outcome.left_out)
    locked.save(update_fields=["position", "left_out", "done"])


def _finish(locked: BulkDeed, record: Record) -> None:
    _end(locked, State.DONE)
    record("bulk_deed_finished", locked, after=_counts(locked))


def _cancel(locked: BulkDeed, record: Record, reason: str = "") -> None:
    if locked.kind == Kind.EXPORT:
        locked.done = 0
    _end(locked, State.CANCELLED, reason)
    record("bulk_deed_cancelled", locked, after=_counts(locked))


def _cancel_without_right(locked: BulkDeed, record: Record) -> None:
    _cancel(locked, record, gettext_noop("Whoever started it may no longer do this."))


def _fail(deed: BulkDeed) -> None:
    with recording(deed.enterprise, by=_actor_of(deed)) as record:
        try:
            locked = _hold(deed)
        except Stopped:
            return
        if locked.kind == Kind.EXPORT:
            locked.done = 0
        _end(locked, State.FAILED, gettext_noop("Something broke on our side. What is done stays done."))
        record("bulk_deed_failed", locked, after=_counts(locked))


def _end(locked: BulkDeed, state: str, reason: str = "") -> None:
    """Whoever still waits is forgotten: they were not reached."""
    locked.state, locked.reason, locked.finished_at = state, reason, timezone.now()
    locked.lease, locked.lease_until = "", None
    locked.save()
    locked.items.filter(reason="").delete()


def _counts(deed: BulkDeed) -> dict[str, object]:
    return {"deed": deed.kind, **{name: getattr(deed, name) for name in ("done", "left_out", "not_reached")}}


def _role_of(deed: BulkDeed) -> Role | None:
    """The author's, if it is still enough."""
    roles = Role.objects.select_related("enterprise", "user")
    role = roles.filter(user=deed.author_id, user__is_active=True, enterprise=deed.enterprise_id).first()
    return role if may_still(deed, role) else None


def _actor_of(deed: BulkDeed) -> Actor:
    return Actor(user=deed.author, name=deed.author_name, via="task")


def _path_of(stored: str) -> Path:
    return Path(settings.EXPORT_DIR) / f"{stored}.xlsx"


def _kept_since() -> datetime:
    return timezone.now() - timedelta(hours=settings.EXPORT_KEPT_HOURS)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.BULK_DEED_LEASE_SECONDS)
