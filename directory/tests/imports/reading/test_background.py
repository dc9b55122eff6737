"""D15: an upload is answered at once; a file that takes longer is read by a worker, which may be killed."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent, Role
from directory.imports import check
from directory.imports.actions import start_follow_up
from directory.imports.job import work_on_imports
from directory.imports.reading import reader, stored_file
from directory.imports.row_files import RowFiles
from directory.imports.transitions import cancel_import
from directory.imports.upload import start_import
from directory.models import Import
from directory.tests.imports.test_pages import URL, counts, figures, send, state
from directory.tests.imports.workbooks import person, upload, xlsx


@pytest.fixture
def later(settings):
    """Leave every file to the worker."""
    settings.IMPORT_ANSWER_SECONDS = 0


def started(tenant, user, content, name="members.xlsx", **options):
    return start_import(tenant.root, by=command_actor(user), upload=upload(content, name), **options)


def test_a_file_that_takes_long_is_read_by_the_worker(client_of, alice, tenant, later):
    client = client_of(alice)
    page = send(client, tenant, xlsx(person(1), person(2)))["Location"]
    html = client.get(page).content.decode()
    assert state(html) == "checking"
    assert "Reading the file" in html
    assert "<progress" in html
    assert "hx-trigger" in html
    work_on_imports()
    html = client.get(page).content.decode()
    assert (state(html), counts(html)) == ("ready", figures(created=2))


REFUSED = [
    (b"\x00\x01nonsense" * 100, "members.xlsx", "Save it as .xlsx"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "members.xls", "old .xls"),
    (xlsx(), "members.xlsx", "no data"),
    (xlsx(person(1), headings=None), "members.xlsx", "No header row"),
    (xlsx(["张三"], headings=["姓名", "手机号"]), "members.xlsx", "missing: 邮箱前缀/Mailbox prefix"),
    ('姓名,邮箱前缀\r\n张三,"zs\r\n'.encode(), "members.csv", "quotation mark in line 2"),
]


def test_a_file_refused_by_the_worker_fails_with_its_reason(client_of, alice, tenant, later, settings):
    client = client_of(alice)
    for content, name, reason in REFUSED:
        page = send(client, tenant, content, name)["Location"]
        work_on_imports()
        html = client.get(page).content.decode()
        assert state(html) == "failed"
        main = html[html.index("<main") : html.index("</main>")]
        alert = re.search(r'<div[^>]*role="alert"[^>]*>.*?</div>', main, re.DOTALL)[0]
        assert reason in alert
        assert f'href="{URL}"' in main[main.index('role="alert"') :], "upload again"
        for misleading in ("/undo/", "kept", "data-row", "failed.xlsx", 'data-name="created"'):
            assert misleading not in main
        assert not list(settings.IMPORT_DIR.glob("*")), "nothing is kept"
    assert AuditEvent.objects.filter(action="import_failed").count() == len(REFUSED)


def test_the_reason_is_shown_in_the_language_of_its_reader(client_of, alice, tenant, later):
    client = client_of(alice)
    page = send(client, tenant, xlsx(["张三"], headings=["姓名", "手机号"]))["Location"]
    work_on_imports()
    client.cookies["django_language"] = "zh-hans"
    assert "缺少" in client.get(page).content.decode()
    assert client.get(URL).status_code == 200


@pytest.mark.reader_process
def test_the_request_stops_reading_after_its_time_and_leaves_no_process(client_of, alice, tenant, settings):
    # A new process takes longer to start.
    settings.IMPORT_ANSWER_SECONDS = 0.02
    answer = send(client_of(alice), tenant, xlsx(person(1)))
    assert answer.status_code == 303
    assert not children_of(os.getpid())
    assert Import.objects.get().heading == {}
    work_on_imports()
    assert Import.objects.get().state == "ready"
    assert len(list(settings.IMPORT_DIR.glob("*"))) == len(("upload", "rows", "plan", "index"))


def test_a_busy_web_process_leaves_a_file_to_the_worker(client_of, alice, tenant, settings):
    """C16: each reader may take 512 MB."""
    settings.IMPORT_ANSWER_SECONDS = 0.05
    with stored_file.one_reader:
        assert send(client_of(alice), tenant, xlsx(person(1))).status_code == 303
    assert Import.objects.get().heading == {}
    work_on_imports()
    assert Import.objects.get().state == "ready"
    assert not stored_file.one_reader.locked()


def test_an_import_cancelled_while_it_is_read_stays_cancelled(tenant, alice, later, settings, monkeypatch):
    imported = started(tenant, alice, xlsx(person(1)), seconds=0)
    real = reader._ask_child

    def read_late(*args, keep, **options):
        cancel_import(imported, by=command_actor(alice))
        keep()
        return real(*args, keep=keep, **options)

    monkeypatch.setattr(reader, "_ask_child", read_late)
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.heading) == ("cancelled", {})
    assert [path.suffix for path in settings.IMPORT_DIR.glob("*")] == [".upload"]


def test_an_import_that_was_never_read_offers_nothing(client_of, tenant, alice, later):
    imported = started(tenant, alice, xlsx(person(1)), seconds=0)
    cancel_import(imported, by=command_actor(alice))
    client = client_of(alice)
    page = f"{URL}{imported.pk}/"
    html = client.get(page).content.decode()
    assert state(html) == "cancelled"
    assert "/undo/" not in html
    assert client.get(f"{page}failed.xlsx").status_code == 404
    for follow_up in Import.FollowUp.values:
        with pytest.raises(ValidationError):
            start_follow_up(imported, follow_up, by=command_actor(alice))


def test_a_file_is_not_read_for_someone_who_lost_the_right(tenant, alice, later, settings):
    imported = started(tenant, alice, xlsx(person(1)), seconds=0)
    Role.objects.filter(user=alice).delete()
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.heading) == ("cancelled", {})


def test_a_file_that_is_gone_fails_its_import(tenant, alice, later):
    imported = started(tenant, alice, xlsx(person(1)), seconds=0)
    RowFiles(imported.stored).remove()
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.reason) == ("failed", "The file is no longer available. Upload it again.")


def test_the_page_counts_the_rows_that_are_checked(client_of, tenant, alice, monkeypatch):
    monkeypatch.setattr(check, "CHUNK", 2)
    client = client_of(alice)
    page = send(client, tenant, xlsx(*map(person, range(5))))["Location"]
    shown = []
    real = check.insert_import_rows

    def insert(*args):
        shown.append(re.search(r'<progress value="(\d+)" max="(\d+)"', client.get(page).content.decode()).groups())
        return real(*args)

    monkeypatch.setattr(check, "insert_import_rows", insert)
    work_on_imports()
    assert shown == [("2", "5"), ("4", "5"), ("5", "5")]


def children_of(process: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "too late"
        time.sleep(0.01)
    return found


def write_end(pipe: Path) -> int | None:
    """Open a pipe for writing once another process reads it."""
    with suppress(OSError):
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    return None


def is_running(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the reader ends by its limit of CPU time")
def test_the_reader_dies_with_a_worker_that_is_killed(tmp_path):
    """A pipe stands for a file of endless length."""
    os.mkfifo(tmp_path / "upload")
    code = (
        "import django, pathlib; django.setup();"
        "from directory.imports.reading.reader import read_workbook;"
        f"at = pathlib.Path({str(tmp_path)!r}); read_workbook(at / 'upload', at / 'rows', name='x.csv')"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "exmail_admin.settings"}
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=django_settings.BASE_DIR, env=environment)
    try:
        (child,) = wait_for(lambda: children_of(worker.pid))
        # It opens the pipe once it has asked to die with its parent; then it waits for more.
        end = wait_for(lambda: write_end(tmp_path / "upload"))
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    try:
        wait_for(lambda: not is_running(child), seconds=5)
    finally:
        os.close(end)
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)


@pytest.mark.reader_process
def test_the_lease_is_renewed_while_the_reader_runs_and_the_reader_ends_when_it_is_lost(tmp_path, monkeypatch):
    class Lost(Exception):
        pass

    renewed = []

    def keep():
        renewed.append(children_of(os.getpid()))
        if len(renewed) == 3:
            raise Lost

    monkeypatch.setattr(reader, "PULSE_SECONDS", 0.01)
    os.mkfifo(tmp_path / "upload")
    with pytest.raises(Lost):
        reader.read_workbook(tmp_path / "upload", tmp_path / "rows", name="x.csv", keep=keep)
    assert [len(children) for children in renewed] == [1, 1, 1]
    assert not children_of(os.getpid())


def test_a_worker_whose_lease_was_lost_writes_no_rows(tenant, alice, later, settings, monkeypatch):
    """Another worker has read the file meanwhile."""
    imported = started(tenant, alice, xlsx(person(1)), seconds=0)
    real = reader._ask_child
    visits = []

    def read_slowly(*args, **options):
        found = real(*args, **options)
        visits.append(1)
        if len(visits) == 1:
            Import.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
            work_on_imports()
            RowFiles(imported.stored).path("rows").write_bytes(b'[1,["the other worker\'s"]]\n')
        return found

    monkeypatch.setattr(reader, "_ask_child", read_slowly)
    work_on_imports()
    imported.refresh_from_db()
    assert imported.state == "ready"
    assert b"other" in RowFiles(imported.stored).path("rows").read_bytes()
