"""The files beside an upload: read once, in order, and replaced atomically."""

import pytest

from accounts.audit.recording import command_actor
from core.leased_jobs import LeaseLost
from directory.imports.columns import COLUMNS
from directory.imports.job import QUEUE, work_on_imports
from directory.imports.row_files import LineReader, RowFiles
from directory.imports.upload import start_import
from directory.members.data import FIELDS, MemberData
from directory.models import Import
from directory.tests.imports.workbooks import person, upload, xlsx


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.IMPORT_DIR = tmp_path
    return RowFiles("a")


def data(name):
    return MemberData(name, "a", "p", 1, None, (1, "市场部"), aliases=(("z", 1),))


def test_a_column_of_the_workbook_belongs_to_each_field_of_a_member():
    assert sorted(FIELDS) == sorted(column.name for column in COLUMNS)


def test_a_plan_is_visible_only_after_it_is_published(files):
    with files.plan_writer() as plan:
        plan.write((number, "new", data(f"n{number}")) for number in (2, 5, 9))
        assert not files.path("plan").exists()
        plan.publish()
    assert list(files.planned(after=2)) == [(5, data("n5")), (9, data("n9"))]
    with files.plan_writer() as plan:
        plan.write([(3, "new", data("other"))])
    assert [number for number, _data in files.planned()] == [2, 5, 9]
    assert sorted(path.name for path in files.path("plan").parent.iterdir()) == ["a.index", "a.plan"]


@pytest.mark.parametrize("calls", [[[2, 5]], [[2], [5]], [[], [3, 5], [9]], [[2, 3, 5, 9, 11]]])
def test_lines_are_picked_in_order_over_any_number_of_calls(files, calls):
    files.path("rows").write_text("".join(f'[{number}, ["{number}"]]\n' for number in (2, 5, 9)))
    picker, found = LineReader(files.path("rows")), {}
    for numbers in calls:
        found |= picker.pick(numbers)
    wanted = {number for numbers in calls for number in numbers}
    assert found == {number: [[str(number)]] for number in (2, 5, 9) if number in wanted}


def test_all_files_of_an_import_go_together(files):
    for kind in ("upload", "rows", "plan", "1234.plan"):
        files.path(kind).write_text("")
    RowFiles("b").path("plan").write_text("")
    files.remove()
    assert [path.name for path in files.path("plan").parent.iterdir()] == ["b.plan"]


def test_a_worker_that_lost_its_lease_leaves_the_plan_as_it_is(tenant, alice, monkeypatch):
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(xlsx(person(1), person(2))))
    late = QUEUE.claim(imported.pk)
    Import.objects.filter(pk=imported.pk).update(lease="", lease_until=None)
    work_on_imports()
    path = RowFiles(imported.stored).path("plan")
    before = path.stat()
    Import.objects.filter(pk=imported.pk).update(state="checking")
    with pytest.raises(LeaseLost):
        late.lock()
    QUEUE.take_turn(late)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert imported.rows.count() == 0
