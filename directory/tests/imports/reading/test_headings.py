"""Headings as other consoles and people write them."""

import openpyxl
import pytest
from django.utils.translation import override

from directory.imports.reading.headings import find_heading
from directory.imports.reading.reader import WorkbookRefused
from directory.tests.imports.workbooks import saved

PERSON = ["张三", "zs1", "13900001001"]


def indexes(*rows, is_update=False):
    return find_heading(list(enumerate(rows, start=1)), is_update=is_update).indexes


TRADITIONAL = {
    "電郵": "prefix", "電郵地址": "prefix", "電子郵件地址": "prefix", "使用者名稱": "prefix", "流動電話": "phone",
     "電子郵件": "prefix", "電子郵箱": "prefix", "郵箱": "prefix", "電子信箱": "prefix",
    "公司信箱": "prefix", "郵箱前綴": "prefix", "手機": "phone", "手機號碼": "phone", "手機號": "phone",
    "行動電話": "phone", "聯絡電話": "phone", "電話": "phone", "部門": "departments", "所屬部門": "departments",
    "職位": "position", "職務": "position", "職稱": "position", "帳號": "account", "帳戶": "account",
    "別名": "aliases", "網域": "domain", "域名": "domain", "啟用方式": "activation",
}  # fmt: skip


@pytest.mark.parametrize("title", TRADITIONAL)
def test_a_heading_in_traditional_chinese_is_understood(title):
    column = TRADITIONAL[title]
    first = ["姓名"] if column == "prefix" else ["姓名", "email"]
    assert indexes([*first, title])[column] == len(first)


OTHER_CONSOLES = [
    "姓名 企业邮箱帐号 邮箱别名 所属部门 职务 手机",
    "Name Account Position Department Gender Mobile Telephone Business\xa0Email",
    "中文姓名 電子郵件信箱 行動電話 所屬部門 職稱",
    "姓名 電郵地址 流動電話號碼 部門 職銜",
    "姓名 企業郵箱 手機號碼 部門 職位",
    "Employee\xa0name Company\xa0email Mobile\xa0number Department Title",
]


@pytest.mark.parametrize("titles", OTHER_CONSOLES)
def test_headings_of_other_consoles_are_understood(titles):
    assert {"name", "prefix", "phone", "departments", "position"} <= set(indexes(titles.split(" ")))


MERGED = {
    "two rows": [["姓名", "部门", "联系方式", ""], ["", "", "手机", "邮箱"]],
    "two rows below a title": [["通讯录"], ["姓名", "部门", "联系方式", ""], ["", "", "手机", "邮箱"]],
    "a lower cell that is not understood": [["姓名", "部门", "联系方式"], ["", "", "手机", "邮箱", "座机"]],
    "all in the lower row but one": [["姓名", "公司", "", ""], ["", "部门", "手机", "邮箱"]],
    "three rows": [["姓名", "公司"], ["", "部门", "联系方式"], ["", "", "手机", "邮箱"]],
    "a repeated upper cell": [["姓名", "部门", "联系方式", "联系方式"], ["姓名", "部门", "手机", "邮箱"]],
}


@pytest.mark.parametrize("rows", MERGED.values(), ids=MERGED)
def test_merged_rows_of_headings_are_one(rows):
    data = ["张三", "市场部", "13900001001", "zs1"]
    heading = find_heading(list(enumerate([*rows, data], start=1)), is_update=False)
    assert heading.row == len(rows)
    assert heading.indexes == {"name": 0, "departments": 1, "phone": 2, "prefix": 3}


def test_merged_headings_of_a_workbook_are_read(read_table):
    made = openpyxl.Workbook()
    for row in (["姓名", "部门", "联系方式"], ["", "", "手机", "邮箱"], ["张三", "市场部", *PERSON[:0:-1]]):
        made.active.append(row)
    for cells in ("A1:A2", "B1:B2", "C1:D1"):
        made.active.merge_cells(cells)
    (row,) = read_table(saved(made), "a.xlsx")
    assert [row["name"], row["prefix"], row["phone"]] == PERSON


def test_a_row_of_data_is_no_row_of_headings():
    heading = find_heading([(1, ["姓名", "邮箱", "手机"]), (2, ["部门", "bumen", "13900001001"])], is_update=False)
    assert heading.row == 1


def test_two_whole_rows_of_headings_are_refused():
    with pytest.raises(WorkbookRefused) as refused:
        indexes(["姓名", "邮箱前缀", "手机号", "部门"], ["Name", "Email", "Phone", ""])
    assert refused.value.code == "headings_twice"


TWINS = [
    (["姓名", "邮箱", "手机1", "手机2"], 2),
    (["姓名", "邮箱", "手机2", "手机1"], 3),
    (["姓名", "邮箱", "手机号1", "手机号2"], 2),
    (["姓名", "邮箱", "手机号(1)", "手机号(2)"], 2),
    (["姓名", "邮箱", "手机 一", "手机 二"], 2),
    (["姓名", "邮箱", "手机①", "手机②"], 2),
    (["Name", "Email", "Phone 1", "Phone 2", "Phone 3"], 2),
    (["Name", "Email", "Mobile_2", "Mobile"], 3),
    (["Name", "Email", "Phone1"], 2),
    (["姓名", "邮箱", "手机号2", "手机号"], 3),
]


@pytest.mark.parametrize(("titles", "index"), TWINS, ids=[" ".join(titles) for titles, _index in TWINS])
def test_the_first_of_numbered_twins_is_the_column(titles, index):
    heading = find_heading([(1, titles)], is_update=False)
    assert heading.indexes["phone"] == index
    assert heading.unknown == [title for at, title in enumerate(titles) if at not in heading.indexes.values()]


@pytest.mark.parametrize("remark", ["(3-64)", "（2~10）", "(11)", " (max. 64)", "[1]", "（第2步）", "(必填) "])
def test_a_number_in_a_remark_is_no_number_of_a_twin(remark):
    titles = [f"姓名{remark}", f"邮箱前缀{remark}", f"手机号{remark}"]
    assert indexes(titles) == {"name": 0, "prefix": 1, "phone": 2}


def test_a_heading_written_twice_is_refused_even_beside_numbered_ones():
    with pytest.raises(WorkbookRefused) as refused:
        indexes(["姓名", "邮箱", "手机号", "手机号", "手机号2"])
    assert refused.value.code == "heading_twice"


WECOM = [
    ["姓名", "帐号", "别名", "职务", "手机", "企业邮箱"],
    ["姓名", "帐号", "别名", "手机", "座机", "邮箱"],
    ["姓名", "别名", "手机", "个人邮箱", "邮箱"],
    ["姓名", "账号", "别名", "手机", "邮箱", "激活成员"],
    ["姓名", "Alias", "手机", "企业邮箱"],
    ["Name", "Account", "Alias", "Mobile", "Address", "Business Email"],
]


@pytest.mark.parametrize("titles", WECOM, ids=" ".join)
def test_an_alias_in_the_template_of_wecom_is_no_address(titles):
    heading = find_heading([(1, titles)], is_update=False)
    assert "aliases" not in heading.indexes
    assert {"别名", "Alias"} & set(heading.unknown)


@pytest.mark.parametrize(
    "titles", [["姓名", "邮箱前缀", "别名"], ["姓名", "邮箱", "Aliases"], ["姓名", "邮箱前缀", "座机", "别名"]]
)
def test_an_alias_in_a_template_of_ours_is_an_address(titles):
    assert indexes(titles)["aliases"] == len(titles) - 1


@pytest.mark.parametrize("title", ["企业邮箱别名", "邮箱别名", "Email aliases"])
def test_an_alias_of_mail_is_an_address_in_any_template(title):
    assert indexes(["姓名", "企业邮箱", "座机", "别名", title])["aliases"] == 4


def test_missing_headings_are_named():
    with override("en"), pytest.raises(WorkbookRefused, match="Mailbox prefix"):
        indexes(["姓名", "手机1"], PERSON)
