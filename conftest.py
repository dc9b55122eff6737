"""Fixtures of all tests: two tenants, their administrators and members, and browsers signed in as them.

Alice owns the tenant, Bob administers one department of it, Dora is an administrator, Erin an auditor; Charlie owns
the other tenant and must see nothing of the first. Members: Lin has joined, Wang has not, Zhao is disabled.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.utils import translation

from accounts.audit.recording import command_actor, recording
from accounts.audit.triggers import drop_triggers
from accounts.models import AuditEvent, Enterprise, Role, User
from directory.members.search_keys import fold_name
from directory.models import Address, Department, DepartmentScope, Domain, Member, Membership
from directory.tests.member_counts import move_counts
from invitations.links.actions import open_joining

# Of the set-up and of the test itself: a test that hangs fails, and those after it still run.
TEST_SECONDS = 180
PASSWORD = "correct horse battery staple"


@dataclass
class Tenant:
    """An enterprise with its default domain and three departments: the root, market below it, east below market."""

    enterprise: Enterprise
    domain: Domain
    root: Department
    market: Department
    east: Department


def build_department(enterprise: Enterprise, name: str, parent: Department | None) -> Department:
    department = Department.objects.create(
        enterprise=enterprise, name=name, parent=parent, depth=parent.depth + 1 if parent else 0
    )
    department.path = f"{parent.path if parent else ''}{department.pk}/"
    department.save()
    return department


def build_tenant(name: str, domain: str) -> Tenant:
    enterprise = Enterprise.objects.create(name=name)
    with recording(enterprise, by=command_actor()) as record:
        record("enterprise_opened", enterprise, after={"name": name})
    root = build_department(enterprise, name, None)
    market = build_department(enterprise, "市场部", root)
    east = build_department(enterprise, "华东组", market)
    mail = Domain.objects.create(enterprise=enterprise, name=domain, is_default=True)
    open_joining(enterprise, by=command_actor())
    return Tenant(enterprise, mail, root, market, east)


def build_member(tenant: Tenant, name: str, prefix: str, phone: str | None, **fields: object) -> Member:
    """Create a member in `department` (default: the root) with the primary address `prefix`; `phone` is E.164."""
    department = fields.pop("department", None) or tenant.root
    fields.setdefault("pinyin", prefix)
    fields.setdefault("initials", prefix[:1])
    fields.setdefault("folded_name", fold_name(name))
    fields.setdefault("phone_reversed", phone[::-1] if phone else None)
    member = Member.objects.create(
        enterprise=tenant.enterprise, name=name, account=prefix, phone=phone, main_department=department, **fields
    )
    Membership.objects.create(member=member, department=department)
    move_counts(after=[department])
    Address.objects.create(
        enterprise=tenant.enterprise, domain=tenant.domain, local=prefix, purpose="primary", member=member
    )
    return member


def build_user(login: str, tenant: Tenant, role: str, **fields: object) -> User:
    user = User.objects.create_user(login=login, password=PASSWORD, name=login.title())
    Role.objects.create(user=user, enterprise=tenant.enterprise, name=role)
    return user


def audit_events() -> QuerySet[AuditEvent]:
    """Return the events that followed the opening of the enterprises."""
    return AuditEvent.objects.exclude(action="enterprise_opened")


# Fifty requests at once, killed workers, benchmarks: seconds each.
SLOW = re.compile("_races|killed|_bench_")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}


def pytest_collection_modifyitems(config, items):
    """Set the marks that follow from a test's fixtures, cases and file name (pytest.ini explains them).

    On SQLite, deselect the tests marked `postgres`: a skipped test always means that a program is missing.
    """
    seen = set()
    for item in items:
        if not item.get_closest_marker("django_db") and not DATABASE_FIXTURES.intersection(item.fixturenames):
            item.add_marker("no_db")
        test = item.nodeid.partition("[")[0]
        if test in seen:
            item.add_marker("extra_case")
        if SLOW.search(item.path.stem):
            item.add_marker("slow")
        seen.add(test)
    if connection.vendor == "postgresql":
        return
    races = [item for item in items if item.get_closest_marker("postgres")]
    config.hook.pytest_deselected(items=races)
    items[:] = [item for item in items if not item.get_closest_marker("postgres")]


def pytest_collection_finish():
    """Exempt all modules and tests from garbage collection, which otherwise takes a tenth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextlib.contextmanager
def fail_after(seconds: float) -> Iterator[None]:
    """Fail a test that takes longer, such as one that waits for a job which never ends.

    The failure is a BaseException, which `except Exception` in the code under test doesn't catch.
    """

    def fail(*_signal: Any) -> None:
        pytest.fail(f"The test took longer than {seconds} s.")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with fail_after(TEST_SECONDS):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with fail_after(TEST_SECONDS):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _settings_of_the_tests(tmp_path_factory):
    """Set once what all tests share: the `settings` fixture would take longer than many a test does."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
    settings.HAS_DEMO = False  # as in production
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = True
    # Find static files on request; otherwise every new client lists them all, a third of the suite's time.
    settings.WHITENOISE_AUTOREFRESH = True
    # Wake-ups go nowhere unless a test starts a broker.
    settings.CELERY_BROKER_URL = "memory://"
    settings.SMS_FILE = str(tmp_path_factory.mktemp("sms") / "sms.jsonl")


@pytest.fixture(autouse=True)
def _clean_start(_settings_of_the_tests):
    """Remove the messages of the test before, and the language of its last request."""
    Path(settings.SMS_FILE).unlink(missing_ok=True)
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _flush_filled_tables_only() -> Iterator[None]:
    """Flush by DELETE on PostgreSQL: Django's TRUNCATE creates new files for every table and index."""

    def sql_flush(operations, style, tables, *, reset_sequences=False, allow_cascade=False):
        names = [operations.quote_name(table) for table in tables]
        filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
        with operations.connection.cursor() as cursor:
            cursor.execute(filled)
            return [f"DELETE FROM {name}" for (name,) in cursor.fetchall()]

    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "postgresql":
            patch.setattr(type(connection.ops), "sql_flush", sql_flush)
        yield


@contextlib.contextmanager
def _copied_database(folder: Path) -> Iterator[str]:
    """Yield the URL of a copy of the test database; to migrate a new one takes seconds."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with contextlib.closing(sqlite3.connect(folder / "db.sqlite3")) as copy:
            connection.connection.backup(copy)
        yield f"sqlite:///{folder}/db.sqlite3"
        return
    creation = connection.creation
    creation.clone_test_db("copy", verbosity=0)
    try:
        yield os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{creation.get_test_db_clone_settings('copy')['NAME']}"
    finally:
        creation.destroy_test_db(suffix="copy", verbosity=0)


REPORT = """
import django, importlib, json, pathlib, sys
django.setup()
print(json.dumps(importlib.import_module(sys.argv[1]).report(pathlib.Path(sys.argv[2]))))
"""


@pytest.fixture(scope="session")
def run_in_subprocess(tmp_path_factory, django_db_setup, django_db_blocker) -> Callable[[str], dict[str, Any]]:
    """Return a function that runs `report(folder)` of a module in a process of its own and returns its JSON.

    The process has a copy of the test database, so that it may kill workers. Call it from a fixture with
    scope="module", because a database in a transaction of a test's own can't be copied.
    """

    def run(module: str) -> dict[str, Any]:
        assert not connection.in_atomic_block, "call run_in_subprocess from a fixture with scope='module'"
        folder = tmp_path_factory.mktemp("subprocess")
        with django_db_blocker.unblock(), _copied_database(folder) as url:
            done = subprocess.run(
                [sys.executable, "-c", REPORT, module, str(folder)],
                env=os.environ | {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0"},
                capture_output=True,
                text=True,
                check=False,
                cwd=settings.BASE_DIR,
            )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(autouse=True)
def _empty_database(request):
    """Let a test with transaction=True begin with an empty database, and drop the triggers that refuse its flush."""
    marker = request.node.get_closest_marker("django_db")
    if "transactional_db" not in request.fixturenames and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    if Enterprise.objects.exists():
        drop_triggers("default")
        call_command("flush", interactive=False, verbosity=0)
    yield
    drop_triggers("default")


@dataclass
class Cast:
    """A tenant, and its administrators by login."""

    tenant: Tenant
    users: dict[str, User]


def build_cast() -> Cast:
    tenant = build_tenant("示例科技", "example.com")
    roles = {"alice": "owner", "bob": "department_admin", "dora": "admin", "erin": "auditor"}
    users = {login: build_user(login, tenant, role) for login, role in roles.items()}
    DepartmentScope.objects.create(role=users["bob"].roles.get(), department=tenant.market)
    return Cast(tenant, users)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Cast:
    """Create the test database with the cast in it, which every test of the session finds."""
    with django_db_blocker.unblock():
        return build_cast()


@pytest.fixture
def cast(django_db_setup, db) -> Cast:
    """Return the session's cast as new objects, or a new cast after a flush."""
    if Enterprise.objects.filter(pk=django_db_setup.tenant.enterprise.pk).exists():
        return copy.deepcopy(django_db_setup)
    return build_cast()


@pytest.fixture
def tenant(cast) -> Tenant:
    return cast.tenant


@pytest.fixture
def other_tenant(cast) -> Tenant:
    return build_tenant("别家公司", "other.example")


@pytest.fixture
def enterprise(tenant) -> Enterprise:
    return tenant.enterprise


@pytest.fixture
def alice(cast) -> User:
    return cast.users["alice"]


@pytest.fixture
def bob(cast) -> User:
    return cast.users["bob"]


@pytest.fixture
def dora(cast) -> User:
    return cast.users["dora"]


@pytest.fixture
def erin(cast) -> User:
    return cast.users["erin"]


@pytest.fixture
def charlie(other_tenant) -> User:
    return build_user("charlie", other_tenant, "owner")


@pytest.fixture
def lin(tenant) -> Member:
    """Has joined; her phone is verified."""
    user = User.objects.create_user(phone="+8613800138001", name="林晓")
    return build_member(
        tenant, "林晓", "linxiao", "+8613800138001", status="active", user=user, department=tenant.market
    )


@pytest.fixture
def wang(tenant) -> Member:
    """Has not joined yet."""
    return build_member(tenant, "王芳", "wangfang", "+8613800138002", department=tenant.east)


@pytest.fixture
def zhao(tenant) -> Member:
    """Is disabled."""
    return build_member(tenant, "赵敏", "zhaomin", "+8613800138003", status="disabled")


@pytest.fixture
def client_of(db) -> Callable[..., Client]:
    """Return a function that opens a browser in which a user has just signed in.

    `client_of(alice)`: by password and second factor, in her first enterprise.
    `client_of(lin.user, method="code", enterprise=tenant.enterprise)`: a member's phone.
    """

    def sign_in(user: User, *, method: str = "password", enterprise: Enterprise | None = None) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(user)
        role = user.roles.order_by("pk").first()
        session = client.session
        session["enterprise"] = enterprise.pk if enterprise else role and role.enterprise_id
        session["method"] = method
        session["signed_in_at"] = session["seen_at"] = int(time.time())
        if method == "password":
            session["factor_at"] = session["proved_at"] = int(time.time())
        session.save()
        return client

    return sign_in
