"""The column of departments: paths, their separators, and the names that are one."""

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from accounts.audit.recording import command_actor
from directory.imports.columns import BY_NAME, ParseContext, fold
from directory.imports.job import work_on_imports
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.tests.imports.test_pages import URL
from directory.tests.imports.workbooks import person, upload, xlsx

CHILDREN = {(1, "市场部"): 2, (1, "财务部"): 3, (2, "华东组"): 4, (1, "IT部"): 5, (1, "研发、测试中心"): 6}


def read(text, **given):
    children = {(parent, fold(name)): id for (parent, name), id in CHILDREN.items()}
    context = ParseContext("CN", {}, 1, 1, "总部", 1, children, **given)
    return BY_NAME["departments"].read(text, context)


@pytest.mark.parametrize("may_create", [True, False])
@pytest.mark.parametrize("comma", [",", "，", "、", "\n", "\r\n", ", "])
@pytest.mark.parametrize("names", [["市场部", "财务部"], ["市场部/华东组", "财务部"], ["市场部", "财务部", "it部"]])
def test_known_departments_between_commas_are_refused_with_the_separator(names, comma, may_create):
    for language in ("en", "zh-hans"):
        with override(language), pytest.raises(ValidationError) as refused:
            read(comma.join(names), may_create=may_create)
        assert "“;”" in refused.value.messages[0] or "“；”" in refused.value.messages[0]


@pytest.mark.parametrize("name", ["市场,渠道部", "市场部,渠道部", "采购、物流部", "市场部,"])
def test_a_new_department_may_have_a_comma_in_its_name(name):
    assert read(name, may_create=True) == (name,)


def test_a_known_department_may_have_a_comma_in_its_name():
    assert read("研发、测试中心;市场部") == (6, 2)


@pytest.mark.parametrize("name", ["ＩＴ部", "ｉｔ部", "总部/ＩＴ部"])
def test_names_that_differ_by_width_alone_are_one_department(name):
    assert read(name, may_create=True) == (5,)


@pytest.mark.parametrize("text", ["ＡI部/一组;AI部/一组", "ai部;AI部"])
def test_new_departments_that_differ_by_width_or_case_alone_are_one(text):
    assert len(read(text, may_create=True)) == 1


def checked(tenant, user, *paths):
    """Return the import of a file with a row for each path, which may create departments."""
    rows = [person(number, departments=path) for number, path in enumerate(paths, start=2)]
    content = upload(xlsx(*rows))
    imported = start_import(tenant.root, by=command_actor(user), upload=content, create_departments=True)
    work_on_imports()
    imported.refresh_from_db()
    return imported


def test_departments_of_other_rows_between_commas_are_refused_in_any_order(tenant, alice):
    paths = ["甲组,乙组", "甲组", "乙组", "甲组、市场部", "市场部\n乙组", "丙,丁组"]
    for ordered in (paths, paths[::-1]):
        imported = checked(tenant, alice, *ordered)
        refused = {
            ordered[number - 2] for number in imported.rows.filter(verdict="refused").values_list("number", flat=True)
        }
        assert refused == {"甲组,乙组", "甲组、市场部", "市场部\n乙组"}
        assert (imported.read, imported.created, imported.refused) == (6, 3, 3)
        with RowFiles(imported.stored).index() as index:
            assert sorted(index.departments) == sorted(["甲组", "乙组", "丙,丁组"])


def test_a_refused_name_is_explained_in_the_language_of_the_reader(tenant, alice, client_of):
    imported = checked(tenant, alice, "甲|乙")
    for language, text in (("en", "The name can&#x27;t contain |."), ("zh-hans", "名称中不能有 |。")):
        client = client_of(alice)
        client.cookies["django_language"] = language
        assert text in client.get(f"{URL}{imported.pk}/").content.decode()
