"""Workers that are killed by -9 at a chosen point of an import, each in a process of its own.

`report` runs in a process of its own, on a copy of the tests' database (test_killed.py starts it).
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.audit.recording import Actor, command_actor
from accounts.models import AuditEvent, Role, User
from directory.enterprise import open_enterprise
from directory.imports import apply as applying
from directory.imports import check as checking
from directory.imports import job
from directory.imports import upload as upload_module
from directory.imports.actions import begin_import
from directory.imports.job import work_on_imports
from directory.imports.reading import stored_file
from directory.imports.transitions import cancel_import
from directory.imports.upload import start_import
from directory.models import Address, Department, Import, ImportRow, Member, Membership
from directory.tests.imports.workbooks import person, upload, xlsx

POINTS = ("while reading", "while checking", "inside a chunk", "between chunks", "before the end", "after the end")
PREVIEW = {"while reading", "while checking"}
ROWS = 10


def report(folder: Path) -> dict[str, dict[str, object]]:
    """Return what happened to ten rows, by crash point."""
    settings.IMPORT_DIR = folder / "imports"
    checking.CHUNK = applying.CHUNK = 3
    results = {point: tell(number, point) for number, point in enumerate(POINTS)}
    results["the web while uploading"] = tell_upload(len(POINTS))
    results["uploaded again"] = tell_again(len(POINTS) + 1)
    if connection.vendor == "postgresql":
        results["the database inside a chunk"] = tell(len(POINTS) + 2, "the database inside a chunk")
    return results


def tell_upload(number: int) -> dict[str, object]:
    """Kill the web process between writing the file and its row, and upload the file again."""
    root, by = prepare(number)
    in_another_process(lambda: crash_at(upload_module, "_keep", "before", 1) or start(root, by))
    left = [len(list(settings.IMPORT_DIR.glob("*.upload"))), Import.objects.filter(enterprise=root.enterprise).count()]
    imported = work_through(start(root, by), by)
    return counts_of(imported) | {"left": left}


def tell_again(number: int) -> dict[str, object]:
    """Kill a worker between chunks, cancel the import, and upload its file again."""
    root, by = prepare(number)
    first = start(root, by)
    in_another_process(work_on_imports)
    begin_import(refreshed(first), by=by)
    in_another_process(lambda: work_until("between chunks"))
    cancel_import(refreshed(first), by=by)
    second = work_through(start(root, by), by)
    refreshed(first)
    return counts_of(second) | {
        "rows": ImportRow.objects.filter(import_job__in=[first, second], verdict="created").count(),
        "first": [first.state, first.read, first.created, first.not_reached],
        "unchanged": second.unchanged,
    }


def start(root: Department, by: Actor, seconds: float = math.inf) -> Import:
    return start_import(root, by=by, upload=upload(xlsx(*map(person, range(ROWS)))), seconds=seconds)


def work_through(imported: Import, by: Actor) -> Import:
    in_another_process(work_on_imports)
    begin_import(refreshed(imported), by=by)
    in_another_process(work_on_imports)
    return imported


def refreshed(imported: Import) -> Import:
    imported.refresh_from_db()
    return imported


def tell(number: int, point: str) -> dict[str, object]:
    """Kill a worker, let its lease expire, and run another."""
    root, by = prepare(number)
    imported = start(root, by, seconds=0 if point == "while reading" else math.inf)
    if point not in PREVIEW:
        in_another_process(work_on_imports)
        imported.refresh_from_db()
        begin_import(imported, by=by)
    in_another_process(lambda: work_until(point))
    imported.refresh_from_db()
    applied = Member.objects.filter(enterprise=root.enterprise).count()
    in_another_process(work_on_imports)
    held = Import.objects.get(pk=imported.pk).lease != ""
    Import.objects.filter(pk=imported.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    in_another_process(work_on_imports)
    if point in PREVIEW:
        imported.refresh_from_db()
        begin_import(imported, by=by)
        in_another_process(work_on_imports)
    return counts_of(imported) | {"when_killed": applied, "held": held}


def counts_of(imported: Import) -> dict[str, object]:
    imported.refresh_from_db()
    enterprise = imported.enterprise
    members = Member.objects.filter(enterprise=enterprise)
    actions = AuditEvent.objects.filter(enterprise=enterprise, action__startswith="import_").order_by("number")
    return {
        "state": imported.state,
        "counts": [imported.read, imported.created, imported.refused, imported.applied],
        "members": members.count(),
        "phones": len(set(members.values_list("phone", flat=True))),
        "addresses": Address.objects.filter(enterprise=enterprise, purpose="primary").count(),
        "memberships": Membership.objects.filter(member__in=members).count(),
        "rows": ImportRow.objects.filter(import_job=imported, verdict="created", member__in=members).count(),
        "below": Department.objects.get(enterprise=enterprise, parent=None).members_below,
        "audit": list(actions.values_list("action", flat=True)),
    }


def prepare(number: int) -> tuple[Department, Actor]:
    enterprise = open_enterprise(name=f"企业{number}", domain=f"e{number}.example", by=command_actor())
    user = User.objects.create_user(login=f"owner{number}", password=None, name="Owner")
    Role.objects.create(user=user, enterprise=enterprise, name=Role.Name.OWNER)
    root = Department.objects.select_related("enterprise").get(enterprise=enterprise, parent=None)
    return root, command_actor(user)


def in_another_process(work: Callable[[], object]) -> None:
    connection.close()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def work_until(point: str) -> None:
    """Run the worker, and die on the second visit to the given point."""
    points = {
        "while reading": (stored_file, "find_heading", "before"),
        "while checking": (checking, "insert_import_rows", "before"),
        "inside a chunk": (applying, "_store_outcomes", "after"),
        "between chunks": (applying, "apply_new", "after"),
        "before the end": (job, "_finish", "before"),
        "after the end": (job, "_finish", "after"),
        "the database inside a chunk": (applying, "_store_outcomes", "after"),
    }
    module, name, when = points[point]
    is_at_second = point not in {"while reading", "before the end", "after the end"}
    crash_at(module, name, when, 2 if is_at_second else 1, end=lose_database if "database" in point else kill_self)
    work_on_imports()


def crash_at(module: object, name: str, when: str, visit: int, end: Callable[[], object] | None = None) -> None:
    """End this process, or its connection, before or after the given number of calls of a function."""
    real, left = getattr(module, name), [visit]

    def crashing(*args: object, **kwargs: object) -> object:
        left[0] -= 1
        if left[0] == 0 and when == "before":
            (end or kill_self)()
        answer = real(*args, **kwargs)
        if left[0] == 0:
            (end or kill_self)()
        return answer

    setattr(module, name, crashing)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def lose_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
