import errno
import json

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from directory.models import Department, Import, Member
from directory.tests.imports.workbooks import person, xlsx


@pytest.fixture
def run(tenant, alice, tmp_path, capsys):
    """`run(rows, *options)`: the exit code and the line of JSON."""

    def run(rows, *options):
        file = tmp_path / "people.xlsx"
        file.write_bytes(xlsx(*rows))
        code = 0
        try:
            call_command("import_members", str(file), "--enterprise", "example.com", "--by", "alice", *options)
        except SystemExit as left:
            code = left.code
        return code, json.loads(capsys.readouterr().out)

    return run


def counts(result):
    names = ("read", "created", "updated", "unchanged", "refused", "left_out", "not_reached")
    return [result[name] for name in names]


def test_it_imports_below_the_department_and_counts_as_the_page_does(run, tenant):
    code, result = run([person(1), person(2, departments="华东组")], "--department", "市场部")
    assert (code, result["state"], counts(result)) == (0, "done", [2, 2, 0, 0, 0, 0, 0])
    assert Member.objects.get(name="成员2").main_department == tenant.east
    assert Import.objects.get(pk=result["import"]).author_name


def test_the_path_of_the_department_may_begin_with_the_root(run, tenant):
    for path in ("", "示例科技", "示例科技/市场部", "示例科技 / 市场部/华东组"):
        code, result = run([person(1)], "--department", path, "--dry-run")
        assert (code, result["created"]) == (0, 1), path
    departments = Import.objects.order_by("pk").values_list("department", flat=True)
    assert list(departments) == [tenant.root.pk, tenant.root.pk, tenant.market.pk, tenant.east.pk]


def test_a_refused_row_is_exit_code_one_and_stands_in_the_file_of_errors(run, tmp_path):
    code, result = run([person(1), person(2, phone="x")], "--errors", str(tmp_path / "errors.xlsx"))
    assert (code, counts(result)) == (1, [2, 1, 0, 0, 1, 0, 0])
    rows = list(openpyxl.load_workbook(tmp_path / "errors.xlsx").active.iter_rows(values_only=True))
    assert rows[1][0] == "成员2"
    assert [member.name for member in Member.objects.all()] == ["成员1"]
    assert rows[1][-1]


def test_a_dry_run_says_what_would_become_of_the_rows_and_changes_nothing(run):
    code, result = run([person(1)], "--dry-run")
    assert (code, counts(result)) == (0, [1, 1, 0, 0, 0, 0, 0])
    assert not Member.objects.exists()


def test_options_update_members_and_create_departments(run, wang):
    rows = [["王芳", "wangfang", "", "", "13800138002", "新/部门", "经理", "", ""]]
    assert run(rows)[0] == 1
    code, result = run(rows, "--update", "--create-departments")
    assert (code, counts(result)) == (0, [1, 0, 1, 0, 0, 0, 0])
    wang.refresh_from_db()
    assert (wang.position, wang.main_department) == ("经理", Department.objects.get(name="部门"))


def test_nonsense_is_named(tenant, alice, erin, tmp_path):
    file = tmp_path / "x.xlsx"
    file.write_bytes(b"nonsense")
    usual = {"--enterprise": "example.com", "--by": "alice"}
    for changed, words in (
        ({"--enterprise": "nowhere.example"}, "no domain"),
        ({"--by": "nobody"}, "may not"),
        ({"--by": "erin"}, "may not"),
        ({"--department": "没有"}, "no department"),
        ({}, "."),
    ):
        options = [word for pair in (usual | changed).items() for word in pair]
        with pytest.raises(CommandError, match=words):
            call_command("import_members", str(file), *options)
    assert not Import.objects.exists()


def test_an_unwritable_error_file_is_refused_before_the_import(run, tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "errors.xlsx"):
        with pytest.raises(CommandError, match="can't be written"):
            run([person(1)], "--errors", str(path))
    assert not Import.objects.exists()


def test_counts_are_printed_when_the_error_file_cannot_be_written(tenant, alice, tmp_path, capsys, monkeypatch):
    file = tmp_path / "people.xlsx"
    file.write_bytes(xlsx(person(1)))
    monkeypatch.setattr("directory.management.commands.import_members.Path.write_bytes", _no_space)
    asked = ("--enterprise", "example.com", "--by", "alice", "--errors", str(tmp_path / "errors.xlsx"))
    with pytest.raises(CommandError, match="No space left"):
        call_command("import_members", str(file), *asked)
    assert counts(json.loads(capsys.readouterr().out)) == [1, 1, 0, 0, 0, 0, 0]


def _no_space(path, content):
    raise OSError(errno.ENOSPC, "No space left on device")
