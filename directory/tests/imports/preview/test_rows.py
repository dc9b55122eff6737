"""The rows of an import as its page lists them: before they are applied, and afterwards."""

import re
from datetime import timedelta

from django.utils import timezone

from accounts.audit.recording import command_actor
from directory.departments.actions import add_department
from directory.departments.tree import paths_of
from directory.imports.job import erase_old_imports
from directory.imports.preview import list as row_list
from directory.imports.row_files import RowFiles
from directory.members.actions import change_member
from directory.members.data import MemberData
from directory.models import Department, Import
from directory.tests.imports.test_pages import applied, checked
from directory.tests.imports.workbooks import person, xlsx

LINE = re.compile(r'<tr[^>]* data-line="(\d+)"[^>]*>(.*?)</tr>', re.DOTALL)


def lines(html):
    """Return the text of each listed row, without markup, by its number in the sheet."""
    return {
        int(number): re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for number, row in LINE.findall(html)
    }


def test_a_clean_file_shows_the_members_that_would_be_created(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(
        client,
        tenant,
        xlsx(
            person(1, departments="市场部/华东组", position="经理", aliases="one;eins"),
            person(2, activation="激活码", phone=""),
        ),
    )
    html = client.get(page).content.decode()
    rows = lines(html)
    assert list(rows) == [2, 3]
    for text in ("成员1", "m1@example.com", "139 0000 0001", "华东组", "经理", "one@example.com", "eins@example.com"):
        assert text in rows[2], text
    assert "By phone" in rows[2]
    assert "By activation code" in rows[3]
    assert "data-row" not in html


def test_departments_that_would_be_created_are_listed_with_every_level(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(
        client,
        tenant,
        xlsx(
            person(1, departments="研发/一组;市场部"),
            person(2, departments="研发/二组"),
            person(3, departments="市场部/新组"),
            person(4, departments="只在错行", phone="x"),
            person(5, departments="撞号", phone="13900000001"),
            person(6, departments="ＩＴ部/甲"),
            person(7, departments="IT部/乙"),
        ),
        create_departments="on",
    )
    listed = departments(client.get(page))
    assert listed == ["研发", "研发/二组", "市场部/新组", "ＩＴ部", "ＩＴ部/甲", "ＩＴ部/乙"]
    known = set(Department.objects.values_list("pk", flat=True))
    applied(client, page)
    created = paths_of(Department.objects.exclude(pk__in=known)).values()
    assert sorted(path.partition("/")[2] for path in created) == sorted(listed), "what was listed is what is made"
    assert departments(client.get(page)) is None
    assert departments(client.get(checked(client, tenant, xlsx(person(9))))) is None


def departments(answer):
    found = re.search(r"<ul[^>]* data-created-departments[^>]*>(.*?)</ul>", answer.content.decode(), re.DOTALL)
    return re.findall(r"<li>\s*(.*?)\s*</li>", found[1], re.DOTALL) if found else None


def test_a_change_shows_the_old_value_and_the_new_one(client_of, alice, tenant, lin, wang):
    client = client_of(alice)
    content = xlsx(
        ["林晓", "linxiao", "13800138001", "总监", "市场部/华东组"],
        ["王芳", "wangfang", "13800138002", "", "市场部/华东组"],
        headings=["姓名", "邮箱前缀", "手机号", "职务", "部门"],
    )
    page = checked(client, tenant, content, mode="update")
    html = client.get(page).content.decode()
    rows = lines(html)
    assert "– → 总监" in rows[2]
    assert "市场部 → 市场部/华东组" in rows[2]
    assert "138 0013 8001" in rows[2], "what stays is shown too"
    assert "Unchanged" in rows[3]
    assert "wangfang@example.com" in rows[3]
    assert "→" not in rows[3]
    applied(client, page)
    rows = lines(client.get(f"{page}?verdict=changed").content.decode())
    assert list(rows) == [2]
    assert "– → 总监" in rows[2]


def test_the_counts_are_filters_that_stay_good_after_the_import(client_of, alice, tenant, wang):
    client = client_of(alice)
    page = checked(
        client,
        tenant,
        xlsx(
            person(1),
            person(2, phone="x"),
            person(3, name="王芳", prefix="wangfang", phone="13800138002", departments="市场部/华东组"),
            person(4, phone="y"),
            person(5),
        ),
    )
    client.post(f"{page}repair/", {"row": 5, "leave_out": "1"})

    def listed(query):
        html = client.get(page + query).content.decode()
        current = re.findall(r'<a[^>]*tab--(\w+)"[^>]*aria-current="page"', html)
        return current, list(lines(html))

    expected = {
        "": ("read", [3, 2, 4, 5, 6]),
        "?verdict=new": ("created", [2, 6]),
        "?verdict=created": ("created", [2, 6]),
        "?verdict=changed": ("updated", []),
        "?verdict=unchanged": ("unchanged", [4]),
        "?verdict=refused": ("refused", [3]),
        "?verdict=left_out": ("left_out", [5]),
        "?verdict=nothing": ("read", [3, 2, 4, 5, 6]),
    }
    for _state in ("planned", "applied"):
        for query, (name, numbers) in expected.items():
            assert listed(query) == ([name], numbers), query
        applied(client, page)
    assert re.findall(r'data-row="(\d+)"', client.get(page).content.decode()) == ["3"]


def test_any_page_number_leads_to_a_page_that_exists(client_of, alice, tenant, monkeypatch):
    monkeypatch.setattr(row_list, "PAGE_SIZE", 2)
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x"), *(person(number) for number in (3, 4, 5))))
    pages = {"": [3, 2], "1": [3, 2], "2": [4, 5], "3": [6], "4": [6], "0": [3, 2], "-1": [3, 2], "x": [3, 2],
             "1" + "0" * 30: [6], "9" * 5000: [6], "２": [3, 2], "1.5": [3, 2], "\0": [3, 2]}  # fmt: skip
    for _state in ("planned", "applied"):
        for number, numbers in pages.items():
            assert list(lines(client.get(page, {"page": number}).content.decode())) == numbers, number
        assert lines(client.get(page, {"page": "7", "verdict": "unchanged"}).content.decode()) == {}
        applied(client, page)


def test_a_race_with_a_new_check_shows_what_is_there(client_of, alice, tenant):
    """The index was read, then another plan was published: lines that are not where it says are left out."""
    page = checked(client_of(alice), tenant, xlsx(*(person(number) for number in range(1, 4))))
    files = RowFiles(Import.objects.get().stored)
    lines_of_plan = files.path("plan").read_bytes().splitlines(keepends=True)
    files.path("plan").write_bytes(lines_of_plan[0] + lines_of_plan[2])
    html = client_of(alice).get(page).content.decode()
    assert list(lines(html)) == [2, 3, 4]
    assert "m1@example.com" in html
    assert "m2@example.com" not in html


def test_a_planned_import_whose_files_are_gone_says_so(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x")))
    RowFiles(Import.objects.get().stored).remove()
    html = client.get(page).content.decode()
    assert "The file is no longer available" in html
    assert lines(html) == {}


def test_what_became_of_each_row_is_listed_after_its_file_was_deleted(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x")))
    applied(client, page)
    Import.objects.update(created_at=timezone.now() - timedelta(days=31))
    erase_old_imports()
    html = client.get(page).content.decode()
    assert "deleted after 30 days" in html
    rows = lines(html)
    assert list(rows) == [3, 2]
    assert rows[2] == "2 Added 成员1"
    assert "Error" in rows[3]


def test_a_department_administrator_sees_no_member_who_left_their_departments(client_of, bob, tenant, wang):
    client = client_of(bob)
    content = xlsx(["wangfang", "经理"], headings=["帐号", "职务"])
    page = checked(client, tenant, content, mode="update", department=tenant.market.pk)
    assert "王芳" in lines(client.get(page).content.decode())[2]
    finance = Department.objects.get(pk=add_department(tenant.root, name="财务部", by=command_actor()).pk)
    change_member(wang, MemberData.from_member(wang)._replace(departments=(finance.pk,)), by=command_actor())
    row = lines(client.get(page).content.decode())[2]
    assert "王芳" not in row
    assert "wangfang" not in row
    assert "138" not in row
