"""How fast a workbook becomes members, by stage, beside django-import-export and the bare COPY (performance.md)."""

from __future__ import annotations

import io
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from celery import current_app
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import override_settings
from openpyxl import Workbook

from accounts.audit import command_actor
from accounts.models import Role, User
from directory.bulk import MEMBER_COLUMNS, insert_rows
from directory.departments import add_department
from directory.enterprises import open_enterprise
from directory.importing.columns import COLUMNS
from directory.importing.lease import claim_import
from directory.imports import begin_import, start_import, work_on
from directory.models import Department, Domain, Import, Member
from directory.search_keys import keys_of
from sms.phones import parse_phone

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = ["建国", "芳", "伟", "秀英", "娜", "敏", "静", "子涵", "思远", "佳怡"]
DEPARTMENTS = ["市场部/华东组", "市场部/华南组", "研发部/一组", "研发部/二组", "财务部"]


@dataclass(frozen=True)
class Figure:
    """One stage or way: rows a CPU-second (ours, our children's and the database's) and a second of the clock."""

    name: str
    rows: int
    seconds: float
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.rows / max(self.cpu, 0.001)


@dataclass(frozen=True)
class Measured:
    """`memory` in MB: of the child that parses and of this process, which did the worker's part, at their highest."""

    figures: list[Figure]
    child_memory: float
    worker_memory: float


def measure_import(rows: int, peer_rows: int) -> Measured:
    """In a database of its own, that is dropped afterwards."""
    with _own_database():
        department, user = _prepare()
        content = _workbook(rows)
        ours, child_memory = _measure_ours(department, user, content, rows)
        worker_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        Member.objects.all().delete()
        limit = _measure("limit: COPY" if connection.vendor == "postgresql" else "limit: executemany", rows,
                         _copying(department, rows))  # fmt: skip
        peers = [] if not peer_rows else list(_measure_peers(department, peer_rows))
    return Measured([*ours, limit, *peers], child_memory, worker_memory)


def _measure_ours(department: Department, user: User, content: bytes, rows: int) -> tuple[list[Figure], float]:
    by = command_actor(user)
    started: list[Import] = []
    upload = ContentFile(content, "members.xlsx")
    read = _measure(
        "read (scan and parse)", rows, lambda: started.append(start_import(department, by=by, upload=upload))
    )
    imported = started[0]
    check = _measure("check", rows, lambda: _work(imported))
    imported.refresh_from_db()
    assert imported.created == rows, (imported.created, imported.refused, imported.reason)
    begin_import(imported, by=by)
    apply = _measure("apply", rows, lambda: _work(imported))
    imported.refresh_from_db()
    assert imported.state == Import.State.DONE
    whole = [read, check, apply]
    total = Figure("both passes", rows, sum(one.seconds for one in whole), sum(one.cpu for one in whole))
    return [*whole, total], imported.heading["child_memory"] / 1024


def _work(imported: Import) -> None:
    lease = claim_import(imported.pk)
    assert lease
    work_on(lease)


def _copying(department: Department, rows: int) -> Callable[[], None]:
    """The members' rows alone, ready made: nothing can be quicker."""
    now = department.enterprise.created_at
    ready = []
    for number in range(rows):
        name, phone = _name(number), f"+86139{number:08d}"
        key = keys_of(name, phone)
        ready.append((number + 10**9, department.enterprise_id, name, f"u{number}", phone, "", "pending", "phone",
                      department.pk, None, *key, "{}", now, None, None))  # fmt: skip
    return lambda: insert_rows(Member, MEMBER_COLUMNS, ready)


def _measure_peers(department: Department, rows: int) -> Iterator[Figure]:
    # Only here: the peer is a dependency of development.
    import tablib
    from import_export.instance_loaders import CachedInstanceLoader  # as above
    from import_export.resources import ModelResource  # as above

    class AsItComes(ModelResource):
        class Meta:
            model = Member
            fields = ("name", "account", "phone", "position")
            import_id_fields = ("account",)

        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            row["phone"] = parse_phone(row["phone"])

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.enterprise_id, instance.main_department_id = department.enterprise_id, department.pk
            instance.pinyin, instance.initials, instance.phone_reversed = keys_of(instance.name, instance.phone)

    class Tuned(AsItComes):
        class Meta(AsItComes.Meta):
            use_bulk = True
            batch_size = 500
            skip_diff = True
            instance_loader_class = CachedInstanceLoader

    class Fair(Tuned):
        class Meta(Tuned.Meta):
            clean_model_instances = True

        def validate_instance(self, instance: Any, *args: Any, **kwargs: Any) -> None:
            self.before_save_instance(instance, {})
            unset = {"user", "origin", "invited_at", "joined_at", "last_entered_at", "deleted_at"}
            instance.full_clean(exclude=unset, validate_unique=True)

    table = _table(rows)
    for name, resource_class in (
        ("django-import-export as it comes", AsItComes),
        ("… in bulk with full_clean: the fair peer", Fair),
        ("… tuned, no checks", Tuned),
    ):
        Member.objects.all().delete()

        def both_passes(resource_class: Any = resource_class) -> None:
            data = tablib.Dataset().load(table, format="xlsx")
            checked = resource_class().import_data(data, dry_run=True, raise_errors=True)
            assert not checked.has_validation_errors()
            resource_class().import_data(data, dry_run=False, raise_errors=True)

        yield _measure(name, rows, both_passes)
        assert Member.objects.count() == rows


def _table(rows: int) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["name", "account", "phone", "position"])
    for number in range(rows):
        sheet.append([_name(number), f"u{number}", f"139{number:08d}", "工程师"])
    return _bytes(book)


def _workbook(rows: int) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([column.heading("zh-hans") for column in COLUMNS])
    for number in range(rows):
        path = DEPARTMENTS[number % len(DEPARTMENTS)]
        sheet.append([_name(number), f"u{number}", "", "", f"139{number:08d}", path, "工程师", "手机号", ""])
    return _bytes(book)


def _bytes(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _name(number: int) -> str:
    return SURNAMES[number % len(SURNAMES)] + GIVEN[number // 7 % len(GIVEN)]


def _prepare() -> tuple[Department, User]:
    by = command_actor()
    enterprise = open_enterprise(name="示例科技", domain="bench.example", by=by)
    user = User.objects.create_user(login="bench", password=None, name="Bench")
    Role.objects.create(user=user, enterprise=enterprise, name=Role.Name.OWNER)
    root = Department.objects.select_related("enterprise").get(enterprise=enterprise, parent=None)
    made: dict[str, Department] = {}
    for path in DEPARTMENTS:
        at, walked = root, ""
        for name in path.split("/"):
            walked = f"{walked}/{name}"
            at = made.get(walked) or made.setdefault(walked, add_department(at, name=name, by=by))
    assert Domain.objects.filter(enterprise=enterprise).exists()
    return root, user


def _measure(name: str, rows: int, way: Callable[[], Any]) -> Figure:
    began, began_cpu = time.perf_counter(), _cpu_seconds()
    way()
    return Figure(name, rows, time.perf_counter() - began, _cpu_seconds() - began_cpu)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    if connection.vendor != "postgresql":
        return own
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        status = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not status.exists():  # the database runs elsewhere
        return own
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return own + (int(user) + int(system)) / 100


@contextmanager
def _own_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    current_app.conf.broker_url = "memory://localhost/"  # nobody is to be woken
    with TemporaryDirectory() as folder, override_settings(IMPORT_DIR=Path(folder) / "imports"):
        own = f"{folder}/db.sqlite3" if connection.vendor == "sqlite" else f"bench_{name}"
        connection.settings_dict["TEST"]["NAME"] = own
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
