"""Measure imports by stage, against django-import-export and lower bounds (performance.md).

Report the medians of interleaved rounds, in a database of its own.
"""

from __future__ import annotations

import io
import multiprocessing
import resource
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from statistics import median
from typing import Any
from xml.parsers import expat

import django
from celery import current_app
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import override_settings
from openpyxl import Workbook

from accounts.audit.recording import command_actor
from accounts.models import Role, User
from benchmarks.import_peers import SLOW_PEERS, TUNED_PEER, Importer
from benchmarks.measuring import database_cpu_seconds, own_database
from core.bulk_sql import insert_rows
from directory.departments.actions import add_department
from directory.enterprise import open_enterprise
from directory.imports.actions import begin_import
from directory.imports.columns import COLUMNS
from directory.imports.job import QUEUE, work_on_imports
from directory.imports.reading.process import highest_memory
from directory.imports.upload import start_import
from directory.members.bulk_insert import MEMBER_COLUMNS
from directory.members.search_keys import keys_of
from directory.models import Department, Import, Member

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任"
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华玉萍红建国文辉力志海鹏飞鑫波斌宇浩凯健俊帆雪梅琳晶欣怡佳子涵"
    "思远雨泽晨轩博诗梦婷颖慧倩莹琪瑶嘉一鸣天昊然乐安宁心语若曦紫菲"
)
DEPARTMENTS = ["市场部/华东组", "市场部/华南组", "研发部/一组", "研发部/二组", "财务部"]
BOTH = "both passes: preview and import"


@dataclass(frozen=True)
class Figure:
    """The seconds and CPU seconds (ours, our children's and the database backend's) of one stage or peer."""

    name: str
    rows: int
    seconds: float
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.rows / max(self.cpu, 0.001)


@dataclass(frozen=True)
class Measured:
    """All figures, and the peak memory in MB of the reader process and of a worker."""

    figures: list[Figure]
    child_memory: float
    worker_memory: float


def measure_import(rows: int, *, peers: Sequence[tuple[str, Importer, int]], rounds: int) -> Measured:
    """Measure our stages, the lower bounds and the peers, each with this number of rows."""
    with own_database() as (folder, _url), override_settings(IMPORT_DIR=folder / "imports"):
        department, user = _prepare()
        content, changed = _workbook(rows), _workbook(rows, position="经理")
        limits = [("limit: inflate and parse", _parsing(content)), ("limit: COPY of members", _copying(rows))]
        taken = []
        for _ in range(rounds):
            figures = [
                *_measure_ours(department, user, content, rows),
                _measure_changes(department, user, changed, rows),
            ]
            figures += [_measure_case(name, rows, action, department) for name, action in limits]
            figures += [_measure_peer(name, number, action, department) for name, action, number in peers]
            taken.append(figures)
        _empty()
        child, worker = _measure_memory(department, user, content)
    return Measured([_median_of(list(figures)) for figures in zip(*taken, strict=True)], child, worker)


def _measure_ours(department: Department, user: User, content: bytes, rows: int) -> list[Figure]:
    by = command_actor(user)
    _empty()
    started: list[Import] = []
    upload = ContentFile(content, "members.xlsx")
    read = _measure("scan and parse", rows, lambda: started.append(start_import(department, by=by, upload=upload)))
    imported = started[0]
    check = _measure("check", rows, lambda: _work(imported))
    imported.refresh_from_db()
    assert imported.created == rows, (imported.created, imported.refused, imported.reason)
    begin_import(imported, by=by)
    apply = _measure("import", rows, lambda: _work(imported))
    imported.refresh_from_db()
    assert (imported.state, Member.objects.count()) == (Import.State.DONE, rows)
    whole = [read, check, apply]
    return [Figure(BOTH, rows, sum(one.seconds for one in whole), sum(one.cpu for one in whole)), *whole]


def _measure_changes(department: Department, user: User, content: bytes, rows: int) -> Figure:
    """Change the position of each imported member."""
    by = command_actor(user)
    imported = start_import(department, by=by, upload=ContentFile(content, "members.xlsx"), mode=Import.Mode.UPDATE)
    _work(imported)
    begin_import(imported, by=by)
    figure = _measure("import of changed rows", rows, lambda: _work(imported))
    imported.refresh_from_db()
    assert (imported.state, imported.updated) == (Import.State.DONE, rows)
    return figure


def _measure_case(name: str, rows: int, action: Callable[[Department, int], Any], department: Department) -> Figure:
    _empty()
    return _measure(name, rows, lambda: action(department, rows))


def peers_for(rows: int, slow_rows: int) -> list[tuple[str, Importer, int]]:
    """Return the peers and their rows: as many as ours for the tuned one, fewer for the slow ones."""
    return [(*TUNED_PEER, rows), *((name, action, min(slow_rows, rows)) for name, action in SLOW_PEERS)]


def _measure_peer(name: str, rows: int, action: Importer, department: Department) -> Figure:
    content = _workbook(rows)
    return _measure_case(name, rows, lambda department, _rows: action(department, content), department)


def _measure_memory(department: Department, user: User, content: bytes) -> tuple[float, float]:
    """Return the peak memory of the reader process and of a worker that does nothing else."""
    by = command_actor(user)
    imported = start_import(department, by=by, upload=ContentFile(content, "members.xlsx"))
    highest = 0.0
    for action in (lambda: None, lambda: begin_import(imported, by=by)):
        action()
        names = {"NAME": connection.settings_dict["NAME"], "IMPORT_DIR": str(settings.IMPORT_DIR)}
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, initializer=django.setup) as pool:
            highest = max(highest, pool.submit(work_in_subprocess, names).result())
    imported.refresh_from_db()
    assert imported.state == Import.State.DONE
    return imported.heading["child_memory"] / 1024, highest


def work_in_subprocess(names: dict[str, str]) -> float:
    """Work on waiting imports in a process of its own. Return its peak memory in MB."""
    connection.settings_dict["NAME"] = names["NAME"]
    current_app.conf.broker_url = "memory://localhost/"
    with override_settings(IMPORT_DIR=Path(names["IMPORT_DIR"]), JOB_TASK_SECONDS=3600):
        work_on_imports()
    return highest_memory() / 1024


def _work(imported: Import) -> None:
    while lease := QUEUE.claim(imported.pk):
        QUEUE.take_turn(lease)


def _empty() -> None:
    Import.objects.all().delete()
    Member.objects.all().delete()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _parsing(content: bytes) -> Callable[[Department, int], None]:
    """Unpack the XML and parse it with expat, without handlers."""

    def parse(_department: Department, _rows: int) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                parser = expat.ParserCreate()
                parser.Parse(archive.read(name), True)

    return parse


def _copying(rows: int) -> Callable[[Department, int], None]:
    """Insert prepared rows of members, and nothing else."""

    ready: list[tuple[Any, ...]] = []

    def copy(department: Department, _rows: int) -> None:
        insert_rows(Member, MEMBER_COLUMNS, ready or _ready_rows(department, rows))

    return copy


def _ready_rows(department: Department, rows: int) -> list[tuple[Any, ...]]:
    now = str(department.enterprise.created_at)
    ready = []
    for number, name in enumerate(_names(rows)):
        phone = f"+86139{number:08d}"
        ready.append((number + 10**9, department.enterprise_id, name, f"u{number}", phone, "", "pending", "phone",
                      department.pk, None, *keys_of(name, phone), "{}", now, None, None))  # fmt: skip
    return ready


def _workbook(rows: int, position: str = "工程师") -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([column.heading("zh-hans") for column in COLUMNS])
    for number, name in enumerate(_names(rows)):
        path = DEPARTMENTS[number % len(DEPARTMENTS)]
        sheet.append([name, f"u{number}", "", "", f"139{number:08d}", path, position, "手机号", ""])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _names(rows: int) -> Iterator[str]:
    """Yield mostly different names, so that caching them gains nothing."""
    return islice((f"{surname}{first}{second}" for first, second, surname in product(GIVEN, GIVEN, SURNAMES)), rows)


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
    return root, user


def _measure(name: str, rows: int, action: Callable[[], Any]) -> Figure:
    began, began_cpu = time.perf_counter(), _cpu_seconds()
    action()
    return Figure(name, rows, time.perf_counter() - began, _cpu_seconds() - began_cpu)


def _median_of(figures: list[Figure]) -> Figure:
    first = figures[0]
    return Figure(first.name, first.rows, median(one.seconds for one in figures), median(one.cpu for one in figures))


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime + database_cpu_seconds()
