"""Faults during an upload: a killed reader, a full disk, a lost connection."""

import io
import os
import resource
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.translation import override

from accounts.audit.recording import command_actor
from directory.imports.job import ORPHAN_SECONDS, erase_old_imports, work_on_imports
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.models import Import, Member
from directory.tests.imports.test_pages import URL, checked, send, state
from directory.tests.imports.workbooks import person, upload, xlsx


def kill_children(stop):
    """Yield each child of this process as it appears, until stopped."""
    while not stop.is_set():
        for task in os.listdir("/proc/self/task"):
            path = Path(f"/proc/self/task/{task}/children")
            for child in path.read_text().split() if path.exists() else []:
                os.kill(int(child), signal.SIGKILL)
        time.sleep(0.001)


@contextmanager
def a_full_disk(after):
    """Limit the size of this process's files, in bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.reader_process
def test_a_reader_that_is_killed_refuses_its_file_and_nothing_else(tenant, alice, settings):
    stop = threading.Event()
    killer = threading.Thread(target=kill_children, args=[stop])
    killer.start()
    try:
        with pytest.raises(WorkbookRefused) as refused:
            start_import(tenant.root, by=command_actor(alice), upload=upload(xlsx(person(1))))
    finally:
        stop.set()
        killer.join()
    assert refused.value.code == "too_slow"
    assert not Import.objects.exists()
    assert not list(settings.IMPORT_DIR.glob("*"))
    assert start_import(tenant.root, by=command_actor(alice), upload=upload(xlsx(person(1)))).pk


@pytest.mark.reader_process
def test_a_disk_that_is_full_while_uploading_is_said_beside_the_field(client_of, alice, tenant, settings):
    content = xlsx(*map(person, range(200)))
    client = client_of(alice)
    with a_full_disk(after=2000):
        answer = send(client, tenant, content)
    assert answer.status_code == 422
    assert "disk may be full" in answer.content.decode()
    assert not Import.objects.exists()
    assert not list(settings.IMPORT_DIR.glob("*"))


def test_a_disk_that_stays_full_while_checking_fails_the_import(client_of, alice, tenant, settings):
    settings.JOB_RETRY_SECONDS = 0
    client = client_of(alice)
    page = send(client, tenant, xlsx(*map(person, range(200))))["Location"]
    with a_full_disk(after=2000):
        work_on_imports()
    html = client.get(page).content.decode()
    assert state(html) == "failed"
    assert "while checking the file" in html
    assert not Member.objects.exists()


def test_c29_an_upload_that_is_cut_on_the_way_is_no_import(client_of, alice, tenant, settings):
    fields = {"department": tenant.root.pk, "mode": "create", "file": upload(xlsx(*map(person, range(50))))}
    body = encode_multipart(BOUNDARY, fields)

    extra = {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": MULTIPART_CONTENT}
    extra["wsgi.input"] = io.BytesIO(body[: len(body) // 2])
    answer = client_of(alice).generic("POST", URL, **extra)
    assert answer.status_code == 422
    assert not Import.objects.exists()
    assert not list(settings.IMPORT_DIR.glob("*"))


def test_files_that_no_import_knows_go_after_a_day(client_of, alice, tenant, settings):
    page = checked(client_of(alice), tenant, xlsx(person(1)))
    known, orphan = RowFiles(Import.objects.get().stored), RowFiles("0" * 32)
    orphan.path("upload").write_text("left by a process that was killed")
    erase_old_imports()
    assert orphan.path("upload").exists()
    day_ago = time.time() - ORPHAN_SECONDS - 1
    for path in settings.IMPORT_DIR.iterdir():
        os.utime(path, (day_ago, day_ago))
    erase_old_imports()
    assert not orphan.path("upload").exists()
    assert all(known.path(kind).exists() for kind in ("upload", "rows", "plan"))
    assert client_of(alice).get(page).status_code == 200


def test_an_enterprise_uploads_so_many_files_in_ten_minutes_and_no_more(
    tenant, other_tenant, alice, charlie, settings, time_machine
):
    settings.IMPORT_UPLOADS = 2
    time_machine.move_to("2026-11-29T12:00:00Z", tick=False)

    def start(tenant, user):
        return start_import(tenant.root, by=command_actor(user), upload=upload(xlsx(person(1))))

    start(tenant, alice)
    start(tenant, alice)
    with pytest.raises(ValidationError, match="Too many files"), override("en"):
        start(tenant, alice)
    assert start(other_tenant, charlie).pk
    time_machine.move_to("2026-11-29T12:09:59Z", tick=False)
    with pytest.raises(ValidationError):
        start(tenant, alice)
    time_machine.move_to("2026-11-29T12:10:00Z", tick=False)
    assert start(tenant, alice).pk


CUT = {
    "empty": lambda content: b"",
    "half a line": lambda content: content[:-5],
    "a line": lambda content: b"".join(content.splitlines(keepends=True)[:-1]),
    "another release": lambda content: b'{"counts":{}}\n',
}


@pytest.fixture
def planned(tenant, alice):
    """An import in the preview, of three rows that become members."""
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(xlsx(*map(person, range(3)))))
    work_on_imports()
    return imported


def test_a_preview_whose_index_is_cut_says_so_and_can_be_applied(client_of, alice, planned):
    client, page, path = client_of(alice), f"{URL}{planned.pk}/", RowFiles(planned.stored).path("index")
    whole = path.read_bytes()
    for name, cut in CUT.items():
        path.write_bytes(cut(whole))
        for query in ("", "?verdict=new", "?verdict=refused&page=2"):
            answer = client.get(page + query)
            assert (answer.status_code, state(answer.content.decode())) == (200, "ready"), name
            assert "The file is no longer available" in answer.content.decode(), name
    client.post(f"{page}apply/")
    work_on_imports()
    assert state(client.get(page).content.decode()) == "done"
    assert Member.objects.count() == 3


def test_a_plan_that_is_cut_never_ends_as_done(client_of, alice, planned):
    path = RowFiles(planned.stored).path("plan")
    path.write_bytes(CUT["a line"](path.read_bytes()))
    client, page = client_of(alice), f"{URL}{planned.pk}/"
    client.post(f"{page}apply/")
    work_on_imports()
    html = client.get(page).content.decode()
    assert (state(html), Member.objects.count()) == ("failed", 2)
    assert "The file is no longer available" in html
    planned.refresh_from_db()
    assert (planned.created, planned.not_reached, planned.may_be_undone) == (2, 1, True)


def test_rows_that_are_cut_never_vanish_from_a_check(client_of, alice, planned):
    path = RowFiles(planned.stored).path("rows")
    for name in ("empty", "a line"):
        Import.objects.filter(pk=planned.pk).update(state="checking")
        whole = path.read_bytes()
        path.write_bytes(CUT[name](whole))
        work_on_imports()
        assert state(client_of(alice).get(f"{URL}{planned.pk}/").content.decode()) == "failed", name
        path.write_bytes(whole)
