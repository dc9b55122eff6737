"""The import's worker under errors: failures half way, time limits, a deleted author, concurrent upkeep."""

from __future__ import annotations

import gc
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from directory.imports import apply as applying
from directory.imports import check as checking
from directory.imports.actions import begin_import, start_follow_up
from directory.imports.job import erase_old_imports, less_garbage_collection, work_on_imports
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.models import Import, Member
from directory.tests.imports.workbooks import person, upload, xlsx

ROWS, CHUNK = 25, 10


@pytest.fixture(autouse=True)
def _small_chunks(settings, tmp_path, monkeypatch):
    settings.IMPORT_DIR = tmp_path / "imports"
    settings.JOB_RETRY_SECONDS = 0
    monkeypatch.setattr(applying, "CHUNK", CHUNK)


@pytest.fixture
def by(alice):
    return command_actor(alice)


@pytest.fixture
def begun(tenant, by) -> Import:
    imported = start_import(tenant.root, by=by, upload=upload(xlsx(*map(person, range(ROWS)))))
    work_on_imports()
    begin_import(imported, by=by)
    return imported


@pytest.fixture
def break_second_chunk(monkeypatch):
    """`break_second_chunk(error, times)`: writing the second chunk raises `error` that many times."""

    def prepare(error: type[BaseException], times: int) -> None:
        real, left = applying.insert_members, [times]

        def insert(*args, **kwargs):
            if Member.objects.count() == CHUNK and left[0]:
                left[0] -= 1
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(applying, "insert_members", insert)

    return prepare


def test_an_import_that_breaks_for_good_says_what_it_did_and_can_be_undone(begun, break_second_chunk, by):
    """C1: a partial import is reported as partial, and can be undone."""
    break_second_chunk(RuntimeError, times=99)
    work_on_imports()
    begun.refresh_from_db()
    assert (begun.state, begun.created, begun.not_reached) == ("failed", CHUNK, ROWS - CHUNK)
    assert "is kept" in begun.reason
    assert AuditEvent.objects.get(action="import_failed").personal["after"]["created"] == CHUNK
    start_follow_up(begun, Import.FollowUp.UNDO, by=by)
    work_on_imports()
    begun.refresh_from_db()
    assert (begun.undone, begun.kept, Member.objects.present().count()) == (CHUNK, 0, 0)


def test_an_error_that_passes_is_tried_again(begun, break_second_chunk):
    break_second_chunk(RuntimeError, times=2)
    work_on_imports()
    begun.refresh_from_db()
    assert (begun.state, begun.created, begun.failures) == ("done", ROWS, 0)


def test_a_time_limit_leaves_the_import_to_the_next_worker(begun, break_second_chunk):
    """C2: Celery's time limit is an exception, which must not fail the import."""
    break_second_chunk(SoftTimeLimitExceeded, times=1)
    with pytest.raises(SoftTimeLimitExceeded):
        work_on_imports()
    begun.refresh_from_db()
    assert begun.state == "applying"
    Import.objects.update(lease_until=timezone.now())
    work_on_imports()
    begun.refresh_from_db()
    assert (begun.state, begun.created) == ("done", ROWS)


def test_an_import_whose_author_was_deactivated_creates_nobody(begun, alice):
    """C7."""
    alice.is_active = False
    alice.save()
    work_on_imports()
    begun.refresh_from_db()
    assert (begun.state, Member.objects.count()) == ("cancelled", 0)


def test_the_collector_s_thresholds_survive_jobs_that_overlap():
    """C6: jobs run in the threads of the web process too."""
    before = gc.get_threshold()
    first, second = less_garbage_collection(), less_garbage_collection()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold() != before
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_the_upkeep_takes_nothing_from_an_import_that_is_worked_on(begun, by, settings):
    """C17: an undo that runs must keep the values it restores."""
    work_on_imports()
    begun.refresh_from_db()
    settings.IMPORT_ROWS_AT_ONCE = 0
    start_follow_up(begun, Import.FollowUp.UNDO, by=by)
    Import.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert erase_old_imports() == 0
    assert RowFiles(Import.objects.get().stored).path("plan").exists()


def test_a_worker_killed_after_the_end_keeps_no_file_for_ever(begun):
    """The lease token stays on an import that is finished."""
    work_on_imports()
    passed = timezone.now() - timedelta(seconds=1)
    Import.objects.update(lease="killed", lease_until=passed, created_at=timezone.now() - timedelta(days=31))
    assert erase_old_imports() == 1
    assert Import.objects.get().stored == ""


def test_an_import_that_was_never_applied_ends_with_a_record_of_it(tenant, by):
    """C17."""
    start_import(tenant.root, by=by, upload=upload(xlsx(person(1))))
    work_on_imports()
    Import.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert erase_old_imports() == 1
    imported = Import.objects.get()
    assert (imported.state, imported.stored) == ("cancelled", "")
    assert AuditEvent.objects.get(action="import_cancelled").target_id == str(imported.pk)


def test_another_enterprise_has_its_turn_while_a_long_import_goes_on(begun, other_tenant, charlie, settings):
    """C9: the job that was served longest ago is next, whichever started first."""
    settings.JOB_TURN_SECONDS = 0
    states = []
    elsewhere = start_import(other_tenant.root, by=command_actor(charlie), upload=upload(xlsx(person(1))))

    def watch(*args, **kwargs):
        states.append(Import.objects.get(pk=elsewhere.pk).state)
        return real(*args, **kwargs)

    real, applying.insert_members = applying.insert_members, watch
    try:
        work_on_imports()
    finally:
        applying.insert_members = real
    assert set(states) == {"ready"}, "checked before the first chunk of the other enterprise's import"
    begun.refresh_from_db()
    assert (begun.state, begun.created) == ("done", ROWS), "each turn gets on, however short"


def test_the_lease_is_renewed_in_each_chunk_of_a_check_that_of_rows_that_clash_too(tenant, by, monkeypatch):
    """A19: a check that outlives its lease begins again for ever."""
    monkeypatch.setattr(checking, "CHUNK", CHUNK)
    content = xlsx(*(person(number, phone="13900000001") for number in range(3 * CHUNK)))
    imported = start_import(tenant.root, by=by, upload=upload(content))
    renewed = []
    real = checking.replace_import_rows

    def replace(*args):
        renewed.append(Import.objects.get().lease_until)
        return real(*args)

    monkeypatch.setattr(checking, "replace_import_rows", replace)
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.refused, imported.checked) == ("ready", 3 * CHUNK, 3 * CHUNK)
    assert len(set(renewed)) == 3
