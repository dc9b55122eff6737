"""The preview says so where a value is understood differently from what stands in the file."""

import html as html_module
import re

import openpyxl
import pytest

from accounts.audit.recording import command_actor
from directory.imports.job import work_on_imports
from directory.imports.upload import start_import
from directory.models import Department, Import
from directory.tests.imports.test_pages import checked
from directory.tests.imports.workbooks import book, saved, upload, xlsx


@pytest.fixture
def notes_of(tenant, alice):
    """`notes_of(content, name)`: the repairs of each row, as (column, from, to)."""
    tenant.it = Department.objects.create(enterprise=tenant.enterprise, name="IT部", parent=tenant.root, depth=1)

    def notes(content, name="members.xlsx", **options):
        imported = start_import(tenant.root, by=command_actor(alice), upload=upload(content, name), **options)
        work_on_imports()
        imported.refresh_from_db()
        assert imported.state == "ready", imported.reason_text
        rows = imported.rows.order_by("number").values_list("notes", flat=True)
        return [(note["column"], note["from"], note["to"]) for notes in rows for note in notes]

    return notes


def csv(*cells, headings="姓名,邮箱前缀,域名,帐号,手机号,部门,职务,别名"):
    titles = headings.split(",")
    row = dict(zip(titles, ["张三", "zs1", "", "", "13900001001", "", "", ""], strict=False)) | dict(cells)
    return f"{headings}\r\n{','.join(row[title] for title in titles)}\r\n".encode()


SAID = [
    (("姓名", "张三\u200b"), ("name", "张三[U+200B]", "张三")),
    (("姓名", "张@三\u200b"), ("name", "张@三[U+200B]", "张@三")),
    (("姓名", "张\u3000三"), ("name", "张\u3000三", "张三")),
    (("姓名", "张⼦明"), ("name", "张⼦明", "张子明")),
    (("邮箱前缀", "ZhangSan"), ("prefix", "ZhangSan", "zhangsan")),
    (("邮箱前缀", "ZhangSan@example.com"), ("prefix", "ZhangSan@example.com", "zhangsan@example.com")),
    (("邮箱前缀", "ｚｓ＠example．com"), ("prefix", "ｚｓ＠example．com", "zs@example.com")),
    (("域名", "@example.com"), ("domain", "@example.com", "example.com")),
    (("域名", "ｅｘａｍｐｌｅ。com"), ("domain", "ｅｘａｍｐｌｅ。com", "example.com")),
    (("帐号", "ｚ００１"), ("account", "ｚ００１", "z001")),
    (("手机号", "0086-13900001001"), ("phone", "0086-13900001001", "139 0000 1001")),
    (("手机号", '="13900001001"'), ("phone", '="13900001001"', "13900001001")),
    (("手机号", "=13900001001"), ("phone", "=13900001001", "13900001001")),
    (("手机号", "'+8613900001001"), ("phone", "'+8613900001001", "+8613900001001")),
    (("帐号", '="00007"'), ("account", '="00007"', "00007")),
    (("部门", "ＩＴ部"), ("departments", "ＩＴ部", "IT部")),
    (("部门", "it部;市场部／华东组"), ("departments", "it部;市场部／华东组", "IT部; 市场部/华东组")),
    (("职务", '"经理\n主管"'), ("position", "经理\n主管", "经理 主管")),
    (("别名", "Jackie"), ("aliases", "Jackie", "jackie")),
    (("别名", "San@EXAMPLE.com;ｚｓ３"), ("aliases", "San@EXAMPLE.com;ｚｓ３", "san@example.com; zs3")),
]
AS_WRITTEN = [
    ("姓名", " 张三 "),
    ("姓名", "欧阳 Jean-Luc"),
    ("邮箱前缀", "zs@example.com"),
    ("邮箱前缀", " zs@Example.com "),
    ("域名", "Example.COM"),
    ("帐号", "ZhangSan"),
    ("手机号", "+8613900001001"),
    ("手机号", "139 0000 1001"),
    ("部门", "市场部/华东组; IT部"),
    ("部门", "示例科技/市场部"),
    ("职务", "经理"),
    ("别名", "san; zs3@example.com"),
    ("别名", "san，zs3"),
]


def test_a_cell_that_is_understood_differently_bears_a_note(notes_of):
    seen = {cell: notes_of(csv(cell), "members.csv") for cell, _note in SAID}
    assert seen == {cell: [note] for cell, note in SAID}


def test_a_cell_that_is_understood_as_written_bears_none(notes_of):
    seen = {cell: notes_of(csv(cell), "members.csv") for cell in AS_WRITTEN}
    assert seen == {cell: [] for cell in AS_WRITTEN}


def test_a_number_that_its_format_shows_with_zeros_bears_a_note(notes_of):
    made = book(["张三", "zs1", 7], ["李四", "ls1", 12345], headings=["姓名", "邮箱前缀", "帐号"])
    for cell in ("C2", "C3"):
        made.active[cell].number_format = "00000"
    made.active["D2"] = 5
    made.active["D2"].number_format = "000"
    assert notes_of(saved(made), mode="update") == [("account", "7", "00007")]


def test_a_department_that_is_created_bears_a_note_if_its_name_is_repaired(notes_of):
    content = csv(("部门", "ＩＴ部/研发  一组"))
    assert notes_of(content, "members.csv", create_departments=True) == [
        ("departments", "ＩＴ部/研发  一组", "IT部/研发 一组")
    ]


def test_a_cell_corrected_in_the_browser_is_what_was_typed(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, csv(("手机号", '="13900001001"'), ("姓名", "")), "members.csv")
    assert [note["from"] for note in Import.objects.get().rows.get().notes] == ['="13900001001"']
    assert client.post(f"{page}repair/", {"row": 2, "name": "张三", "phone": "13900001009"}).status_code == 303
    assert Import.objects.get().state == "ready"
    assert not Import.objects.get().rows.exists(), "nothing but the plan knows of it"


@pytest.fixture
def remarks_of(client_of, alice, tenant):
    """`remarks_of(content, name)`: what the page says of the file as a whole."""

    def remarks(content, name="members.csv"):
        page = checked(client_of(alice), tenant, content, name)
        text = client_of(alice).get(page).content.decode()
        (notice, *_others) = [*re.findall(r'<div class="notice__text">(.*?)</div>\s*</div>', text, re.DOTALL), ""]
        return [html_module.unescape(one) for one in re.findall(r"<div>(.*?)</div>", notice + "</div>")]

    return remarks


TABLE = "姓名,邮箱前缀,手机号\r\n张三,zs1,13900001001\r\n"


def test_a_plain_file_is_not_remarked_on(remarks_of):
    assert remarks_of(TABLE.encode()) == []
    assert remarks_of(TABLE.encode("utf-16")) == []
    assert remarks_of(TABLE.encode() + b"\x1a") == []
    assert remarks_of(TABLE.replace(",", "\t").encode()) == []
    assert remarks_of(xlsx(["张三", "zs1"], headings=["姓名*", "邮箱前缀 (必填)"]), "members.xlsx") == []


def test_what_was_chosen_for_the_whole_file_is_said(remarks_of):
    assert remarks_of(TABLE.encode("gb18030")) == [
        "The text was read as GB 18030. If names look wrong, save the file as UTF-8 and upload it again."
    ]
    assert remarks_of(TABLE.replace(",", ";").encode()) == ["The columns are separated by “;”."]
    assert remarks_of(TABLE.replace("手机号", "手机1").replace("\r\n", ",\r\n", 1).encode()) == [
        "These columns are read under another name: 手机1 as Phone"
    ]
    twins = "姓名,邮箱前缀,手机1,手机2\r\n张三,zs1,13900001001,13900001002\r\n"
    assert remarks_of(twins.encode()) == [
        "These columns aren't recognized and are ignored: 手机2",
        "These columns are read under another name: 手机1 as Phone",
    ]
    headings, big5 = remarks_of("姓名,電子郵件,手機\r\n陳志明,cz1,13900001001\r\n".encode("big5"))
    assert headings.endswith("電子郵件 as Mailbox prefix, 手機 as Phone")
    assert "read as Big5" in big5


def test_headings_of_several_rows_are_said_to_be_read_as_one(remarks_of):
    made = openpyxl.Workbook()
    for row in (["姓名", "联系方式", ""], ["", "手机号", "邮箱前缀"], ["张三", "13900001001", "zs1"]):
        made.active.append(row)
    made.active.merge_cells("A1:A2")
    made.active.merge_cells("B1:C1")
    assert remarks_of(saved(made), "members.xlsx") == [
        "The column headings are put together from the rows up to row 2."
    ]
