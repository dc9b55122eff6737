"""Workers that are killed by -9 at a chosen point of an import, each in a process of its own.

`tell_all` runs in a process with a database of its own choice (test_import_killed.py starts it).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.audit import command_actor
from accounts.models import AuditEvent, Role, User
from directory import imports
from directory.enterprises import open_enterprise
from directory.importing import applying, checking
from directory.models import Address, Department, Import, ImportRow, Member, Membership
from directory.tests.workbooks import person, upload, xlsx

POINTS = ("while checking", "inside a chunk", "between chunks", "before the end", "after the end")
ROWS = 10


def tell_all(folder: Path) -> dict[str, dict[str, object]]:
    """What became of ten rows, for each point."""
    settings.IMPORT_DIR = folder / "imports"
    checking.CHUNK = applying.CHUNK = 3
    return {point: tell(number, point) for number, point in enumerate(POINTS)}


def tell(number: int, point: str) -> dict[str, object]:
    """A worker is killed, its lease passes, and a healthy one has its turn."""
    root, by = prepare(number)
    imported = imports.start_import(root, by=by, upload=upload(xlsx(*map(person, range(ROWS)))))
    if point != "while checking":
        in_another_process(imports.work_on_imports)
        imported.refresh_from_db()
        imports.begin_import(imported, by=by)
    in_another_process(lambda: work_until(point))
    imported.refresh_from_db()
    applied = Member.objects.filter(enterprise=root.enterprise).count()
    in_another_process(imports.work_on_imports)
    held = Import.objects.get(pk=imported.pk).lease != ""
    Import.objects.filter(pk=imported.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    in_another_process(imports.work_on_imports)
    if point == "while checking":
        imported.refresh_from_db()
        imports.begin_import(imported, by=by)
        in_another_process(imports.work_on_imports)
    return told(imported) | {"when_killed": applied, "held": held}


def told(imported: Import) -> dict[str, object]:
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
        "rows": ImportRow.objects.filter(of=imported, verdict="created", member__in=members).count(),
        "below": Department.objects.get(enterprise=enterprise, parent=None).members_below,
        "audit": list(actions.values_list("action", flat=True)),
    }


def prepare(number: int) -> tuple[Department, object]:
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
    """Work, and die on the second visit to the place the point names."""
    places = {
        "while checking": (checking, "insert_rows", "before"),
        "inside a chunk": (applying, "_note_outcomes", "after"),
        "between chunks": (applying, "apply_new", "after"),
        "before the end": (imports, "_finish", "before"),
        "after the end": (imports, "_finish", "after"),
    }
    module, name, when = places[point]
    real, visits = getattr(module, name), [2 if point in {"while checking", "inside a chunk", "between chunks"} else 1]

    def doomed(*args: object, **kwargs: object) -> object:
        visits[0] -= 1
        if visits[0] == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*args, **kwargs)
        if visits[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(module, name, doomed)
    imports.work_on_imports()
