"""The files beside an upload: read once, in order, and replaced only as a whole."""

import pytest

from accounts.audit.recording import command_actor
from core.leased_jobs import LeaseLost
from directory.imports.columns import COLUMNS
from directory.imports.conflicts import as_row, read_facts
from directory.imports.job import QUEUE, work_on_imports
from directory.imports.row_files import PLANNED, Picker, Spool
from directory.imports.upload import start_import
from directory.members.bulk_update import read_standings
from directory.models import Address, Import, Membership
from directory.tests.imports.workbooks import person, upload, xlsx


@pytest.fixture(autouse=True)
def spool(settings, tmp_path):
    settings.IMPORT_DIR = tmp_path
    return Spool("a")


def facts(name):
    return dict.fromkeys(PLANNED, "") | {"name": name}


def test_a_plan_keeps_every_column_of_the_workbook():
    assert sorted(PLANNED) == sorted(column.name for column in COLUMNS)


def test_a_plan_is_there_once_it_is_put_in_place_and_not_before(spool):
    with spool.drafting() as draft:
        draft.write((number, facts(f"n{number}")) for number in (2, 5, 9))
        assert not spool.path("plan").exists()
        draft.put_in_place()
    assert [(number, planned["name"]) for number, planned in spool.planned(after=2)] == [(5, "n5"), (9, "n9")]
    with spool.drafting() as draft:
        draft.write([(3, facts("other"))])
    assert [number for number, _facts in spool.planned()] == [2, 5, 9]
    assert [path.name for path in spool.path("plan").parent.iterdir()] == ["a.plan"]


@pytest.mark.parametrize("calls", [[[2, 5]], [[2], [5]], [[], [3, 5], [9]], [[2, 3, 5, 9, 11]]])
def test_lines_are_picked_in_order_over_any_number_of_calls(spool, calls):
    spool.path("rows").write_text("".join(f'[{number}, ["{number}"]]\n' for number in (2, 5, 9)))
    picker, found = Picker(spool.path("rows")), {}
    for numbers in calls:
        found |= picker.pick(numbers)
    wanted = {number for numbers in calls for number in numbers}
    assert found == {number: [[str(number)]] for number in (2, 5, 9) if number in wanted}


def test_all_files_of_an_import_go_together(spool):
    for kind in ("upload", "rows", "plan", "1234.plan"):
        spool.path(kind).write_text("")
    Spool("b").path("plan").write_text("")
    spool.remove()
    assert [path.name for path in spool.path("plan").parent.iterdir()] == ["b.plan"]


def test_a_worker_that_lost_its_lease_leaves_the_plan_as_it_is(tenant, alice, monkeypatch):
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(xlsx(person(1), person(2))))
    late = QUEUE.claim(imported.pk)
    Import.objects.filter(pk=imported.pk).update(lease="", lease_until=None)
    work_on_imports()
    place = Spool(imported.stored).path("plan")
    before = place.stat()
    Import.objects.filter(pk=imported.pk).update(state="checking")
    with pytest.raises(LeaseLost):
        late.lock()
    QUEUE.take_turn(late)
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert imported.rows.count() == 0


def test_members_are_read_for_a_check_as_they_are_for_a_change(tenant, lin, wang, zhao):
    Address.objects.create(enterprise=tenant.enterprise, domain=tenant.domain, local="zz", purpose="alias", member=wang)
    Membership.objects.create(member=wang, department=tenant.root)
    ids = [lin.pk, wang.pk, zhao.pk]
    standings = read_standings(tenant.enterprise, ids)
    assert read_facts(ids) == {id: (standings[id].member.status, as_row(standings[id].facts)) for id in ids}
