"""Concurrent imports and changes: the first wins, the other is refused with a reason."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.audit.recording import command_actor
from conftest import build_tenant, build_user
from directory.imports.actions import begin_import
from directory.imports.job import QUEUE, work_on_imports
from directory.imports.upload import start_import
from directory.members.actions import create_member
from directory.models import Import, Member
from directory.tests.imports.workbooks import person, upload, xlsx

ROWS = 30


pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _only_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")


def at_once(*works):
    """Run the functions in threads that start together; return their errors."""
    start, errors = threading.Barrier(len(works)), []

    def run(work):
        try:
            start.wait()
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def ready(tenant, by, *files):
    """Imports of these members' numbers, checked and begun."""
    started = [start_import(tenant.root, by=by, upload=upload(xlsx(*map(person, numbers)))) for numbers in files]
    work_on_imports()
    for imported in started:
        begin_import(imported, by=by)
    return started


def test_two_imports_that_overlap_make_each_member_once():
    tenant = build_tenant("示例科技", "example.com")
    by = command_actor(build_user("alice", tenant, "owner"))
    first, second = ready(tenant, by, range(ROWS), range(ROWS // 2, ROWS + ROWS // 2))
    assert at_once(work_on_imports, work_on_imports) == []
    work_on_imports()
    first.refresh_from_db()
    second.refresh_from_db()
    assert {first.state, second.state} == {"done"}
    assert first.created + second.created == Member.objects.count() == ROWS + ROWS // 2
    assert first.unchanged + second.unchanged == ROWS // 2
    for imported in (first, second):
        assert imported.read == imported.created + imported.unchanged == ROWS


def test_a_member_added_by_hand_during_the_import_is_there_once():
    tenant = build_tenant("示例科技", "example.com")
    by = command_actor(build_user("alice", tenant, "owner"))
    (imported,) = ready(tenant, by, range(ROWS))

    def by_hand():
        create_member(tenant.enterprise, by=by, name="手工", prefix="byhand", domain=tenant.domain, phone="13900000007")

    errors = at_once(work_on_imports, by_hand)
    imported.refresh_from_db()
    assert imported.state == "done"
    assert Member.objects.filter(phone="+8613900000007").count() == 1
    assert (imported.refused, len(errors)) in {(1, 0), (0, 1)}
    assert all(isinstance(error, ValidationError) for error in errors)


def test_c30_the_same_file_sent_twice_at_once_is_two_imports_and_each_member_once():
    tenant = build_tenant("示例科技", "example.com")
    by = command_actor(build_user("alice", tenant, "owner"))
    content = xlsx(*map(person, range(ROWS)))
    errors = at_once(*[lambda: start_import(tenant.root, by=by, upload=upload(content))] * 2)
    assert errors == []
    first, second = Import.objects.order_by("pk")
    assert (first.digest, first.stored != second.stored) == (second.digest, True)
    at_once(*[work_on_imports] * 2)
    work_on_imports()
    for imported in (first, second):
        begin_import(imported, by=by)
    at_once(*[work_on_imports] * 2)
    work_on_imports()
    assert Member.objects.count() == ROWS
    counts = sorted(Import.objects.values_list("state", "created", "unchanged"))
    assert counts == [("done", 0, ROWS), ("done", ROWS, 0)]


def test_apply_pressed_twice_is_one_import():
    tenant = build_tenant("示例科技", "example.com")
    by = command_actor(build_user("alice", tenant, "owner"))
    imported = start_import(tenant.root, by=by, upload=upload(xlsx(person(1))))
    work_on_imports()
    errors = at_once(*[lambda: begin_import(imported, by=by)] * 2)
    assert [type(error) for error in errors] == [ValidationError]
    at_once(*[work_on_imports] * 2)
    work_on_imports()
    assert Member.objects.count() == 1


def test_one_import_at_a_time_is_applied_in_an_enterprise(tenant, other_tenant, alice, charlie):
    first, second = ready(tenant, command_actor(alice), [1], [2])
    elsewhere = start_import(other_tenant.root, by=command_actor(charlie), upload=upload(xlsx(person(1))))
    assert QUEUE.claim(first.pk)
    assert QUEUE.claim(second.pk) is None
    assert QUEUE.claim(elsewhere.pk)
    Import.objects.filter(pk=first.pk).update(lease_until=None, lease="", state="done")
    assert QUEUE.claim(second.pk)


def test_parallel_uploads_don_t_pass_the_limit(settings):
    """C16: each starts a process with 512 MB of its own."""
    settings.IMPORT_UPLOADS = 3
    tenant = build_tenant("示例科技", "example.com")
    by = command_actor(build_user("alice", tenant, "owner"))
    content = xlsx(person(1))
    errors = at_once(*[lambda: start_import(tenant.root, by=by, upload=upload(content))] * 8)
    assert [type(error) for error in errors] == [ValidationError] * 5
    assert Import.objects.count() == 3
