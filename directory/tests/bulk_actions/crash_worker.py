"""Workers that kill themselves with SIGKILL at a chosen point of a bulk action (started by test_killed.py)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import AuditEvent
from directory.bulk_actions import job as bulk_actions
from directory.bulk_actions.job import open_bulk_action, work_on_bulk_actions
from directory.imports import export as member_export
from directory.members.actions import create_member
from directory.models import BulkAction, Department, Member
from directory.tests.imports.crash_worker import crash_at, in_another_process, prepare

MEMBERS = 10
POINTS = {
    "inside a chunk": ("delete", "apply_to_members", "after", 2),
    "between chunks": ("delete", "_note", "before", 3),
    "before the end": ("delete", "_finish", "before", 1),
    "after the end": ("delete", "_finish", "after", 1),
    "while exporting": ("export", "_next_ids", "after", 3),
    "before the file is in place": ("export", "_store", "before", 1),
    "before the export's end": ("export", "_finish", "before", 1),
}


def report(folder: Path) -> dict[str, dict[str, object]]:
    """Return what happened to ten members, by crash point."""
    settings.EXPORT_DIR = folder / "exports"
    bulk_actions.CHUNK = bulk_actions.EXPORT_CHUNK = member_export.CHUNK = 3
    return {point: tell(number, point) for number, point in enumerate(POINTS)}


def tell(number: int, point: str) -> dict[str, object]:
    """Kill a worker, let its lease expire, and run another."""
    root, by = prepare(number)
    action = begin(root, by, POINTS[point][0])
    in_another_process(lambda: work_until(point))
    when_killed = Member.objects.present().filter(enterprise=root.enterprise).count()
    in_another_process(work_on_bulk_actions)
    held = BulkAction.objects.get(pk=action.pk).lease != ""
    BulkAction.objects.filter(pk=action.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    in_another_process(work_on_bulk_actions)
    action.refresh_from_db()
    path = bulk_actions.exported_file(action)
    members = Member.objects.filter(enterprise=root.enterprise)
    deletions = AuditEvent.objects.filter(enterprise=root.enterprise, action__in=["members_deleted", "member_deleted"])
    root.refresh_from_db()
    return {
        "held": held,
        "state": action.state,
        "counts": [action.total, action.done, action.left_out, action.not_reached],
        "when_killed": when_killed,
        "left": members.present().count(),
        "below": root.members_below,
        "deletions": deletions.count(),
        "ends": AuditEvent.objects.filter(enterprise=root.enterprise, action="bulk_action_finished").count(),
        "items": action.items.count(),
        "has_file": path is not None and path.stat().st_size > 0,
    }


def begin(root: Department, by: Actor, kind: str) -> BulkAction:
    domain = root.enterprise.domains.get()
    for number in range(MEMBERS):
        phone = f"1390013{root.pk % 100:02}{number:02}"
        create_member(root.enterprise, by=by, name="人", prefix=f"p{number}", domain=domain, phone=phone)
    members = Member.objects.present().filter(enterprise=root.enterprise)
    return open_bulk_action(root.enterprise, kind, members, by=by)


def work_until(point: str) -> None:
    """Run the worker, and die at the given point."""
    _kind, name, when, visit = POINTS[point]
    crash_at(bulk_actions, name, when, visit)
    work_on_bulk_actions()
