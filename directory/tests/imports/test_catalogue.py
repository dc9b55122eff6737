"""What people and programs upload, and what becomes of it (security.md 4.3): one row a case.

A file that is refused as a whole leaves nothing; a row that is refused says which column and why.
"""

from __future__ import annotations

import datetime
import io
import random
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

import openpyxl
import pytest
from django.utils.translation import override
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from accounts.audit.recording import command_actor
from conftest import build_member
from core.translatable import render_message
from directory.imports import workbook_writer
from directory.imports.actions import begin_import
from directory.imports.job import work_on_imports
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.models import Address, Import, ImportRow, Member
from directory.tests.imports import test_faults, test_pages, test_races, test_sizes
from directory.tests.imports.workbooks import (
    CONTENT_TYPES,
    HEADINGS,
    MAIN,
    OFFICE,
    WORKBOOK,
    WORKBOOK_RELS,
    XLSX,
    as_excel_saves_it,
    book,
    person,
    raw,
    row_xml,
    saved,
    sheet_xml,
    upload,
    xlsx,
)

GOOD = xlsx(person(1))
HEAD = row_xml(1, "姓名", "邮箱前缀", "手机号")
BODY = HEAD + row_xml(2, "张三", "zhangsan", "13900000001")


@dataclass
class Seen:
    """The result of a file: the code of its refusal, or its rows."""

    code: str = ""
    imported: Import | None = None

    @property
    def rows(self) -> list[Any]:
        """Those written down, and those that stand in the plan alone."""
        stored = {row.number: row for row in self.imported.rows.all()}
        for number, data in RowFiles(self.imported.stored).planned():
            row = stored.setdefault(number, ImportRow(number=number, verdict="new"))
            row.facts = data._asdict() if row.verdict == "new" else row.facts
        return [stored[number] for number in sorted(stored)]

    @property
    def verdicts(self) -> list[str]:
        return [row.verdict for row in self.rows]


@pytest.fixture
def look(tenant, alice, settings):
    """`look(content, name)`: upload it into the root and let the worker check it."""

    def look(content: bytes, name: str = "members.xlsx", kind: str = XLSX, **options: Any) -> Seen:
        try:
            imported = start_import(tenant.root, by=command_actor(alice), upload=upload(content, name, kind), **options)
        except WorkbookRefused as refused:
            return Seen(refused.code)
        work_on_imports()
        imported.refresh_from_db()
        assert imported.state == "ready", imported.reason
        counted = imported.created + imported.updated + imported.unchanged + imported.refused + imported.left_out
        seen = Seen(imported=imported)
        assert imported.read == counted == len(seen.rows)
        return seen

    return look


def zipped(*entries: tuple[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def with_part(name: str, content: bytes | str = b"x") -> bytes:
    return raw(sheet_xml(BODY), parts={name: content})


def macro_workbook() -> bytes:
    types = CONTENT_TYPES.replace(f"{XLSX}.main+xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml")
    return raw(sheet_xml(BODY), parts={"xl/vbaProject.bin": b"\xd0\xcf", "[Content_Types].xml": types})


def broken_crc() -> bytes:
    content = bytearray(raw(sheet_xml(BODY)))
    offset = content.find(b"xl/worksheets/sheet1.xml") + 40
    content[offset] ^= 0xFF
    return bytes(content)


def lying_header() -> bytes:
    """The ZIP directory claims ten bytes; the stream has more."""
    content = bytearray(raw(sheet_xml(BODY)))
    offset = content.rfind(b"PK\x01\x02", 0, content.rfind(b"xl/worksheets/sheet1.xml"))
    content[offset + 24 : offset + 28] = struct.pack("<I", 10)
    return bytes(content)


def overlapping() -> bytes:
    """Two entries share the same bytes."""
    content = bytearray(with_part("xl/worksheets/sheet2.xml", sheet_xml(BODY)))
    first = content.find(b"PK\x01\x02", content.find(b"PK\x01\x02"))
    offsets = []
    while first >= 0:
        offsets.append(first)
        first = content.find(b"PK\x01\x02", first + 4)
    content[offsets[-1] + 42 : offsets[-1] + 46] = content[offsets[-2] + 42 : offsets[-2] + 46]
    return bytes(content)


DTD = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>'
HTTP = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'
STYLES = f'<?xml version="1.0"?>{DTD}<styleSheet xmlns="{MAIN}"/>'
ALL_HIDDEN = WORKBOOK.replace('sheetId="1"', 'sheetId="1" state="veryHidden"')
FAR = '<c r="XFD1048576"><v>1</v></c>'
ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000) + "EncryptedPackage".encode("utf-16-le")
RANDOM = random.Random(7)

FILES: list[tuple[str, Any, str, str]] = [
    # code, content, name, what it is refused for ("": its row is read)
    ("C1", b"", "a.xlsx", "empty_file"),
    ("C2", b"P", "a.xlsx", "text_as_workbook"),
    ("C3", RANDOM.randbytes(5000), "a.xlsx", "not_xlsx"),
    ("C4", GOOD[: len(GOOD) // 2], "a.xlsx", "broken"),
    ("C5", GOOD[:-10], "a.xlsx", "broken"),
    ("C6", broken_crc(), "a.xlsx", "broken"),
    ("C7", zipped(("members.xlsx", GOOD)), "a.xlsx", "not_xlsx"),
    ("C8", raw(sheet_xml(BODY), without=["xl/workbook.xml"]), "a.xlsx", "not_xlsx"),
    ("C9", raw(sheet_xml(BODY), without=["[Content_Types].xml"]), "a.xlsx", "not_xlsx"),
    ("C10", raw(sheet_xml(BODY), without=["xl/worksheets/sheet1.xml"]), "a.xlsx", "broken"),
    ("C11", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000), "a.xlsx", "old_format"),
    ("C12", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000), "a.xls", "old_format"),
    ("C13", macro_workbook(), "a.xlsm", "macro"),
    ("C14", macro_workbook(), "a.xlsx", "macro"),
    ("C15", zipped(("[Content_Types].xml", CONTENT_TYPES), ("xl/workbook.bin", b"x")), "a.xlsb", "other_format"),
    ("C16", zipped(("mimetype", "application/vnd.oasis.opendocument.spreadsheet")), "a.ods", "other_format"),
    ("C17", "<html><table><tr><td>姓名</td></tr></table></html>".encode(), "a.xls", "other_format"),
    ("C18", "姓名,邮箱前缀,手机号\n张三,zhangsan,13900000001\n".encode(), "a.xlsx", "text_as_workbook"),
    ("C19", ENCRYPTED, "a.xlsx", "password"),
    ("C20", b"%PDF-1.7\n" + bytes(100), "a.xlsx", "other_format"),
    ("C21", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100), "a.xlsx", "not_xlsx"),
    ("C22", b"%PDF-1.7\n" + GOOD, "a.xlsx", "other_format"),
    ("C external", with_part("xl/externalLinks/externalLink1.xml", "<x/>"), "a.xlsx", "external_links"),
    ("C embedded", with_part("xl/embeddings/oleObject1.bin"), "a.xlsx", "ole"),
    ("C climbing", with_part("../../etc/passwd"), "a.xlsx", "broken"),
    ("C absolute", with_part("/etc/passwd"), "a.xlsx", "broken"),
    ("C html as csv", b"<html><table></table></html>", "a.csv", "other_format"),
    ("C picture as csv", RANDOM.randbytes(5000), "a.csv", "not_text csv_encoding"),
    ("B1", lambda: raw(sheet_xml(" " * 5_000_000)), "a.xlsx", "ratio"),
    ("B2", lambda: raw(sheet_xml(row_xml(1, "a" * 5_000_000))), "a.xlsx", "ratio"),
    ("B3", lambda: with_part("xl/sharedStrings.xml", "<sst>" + "<si/>" * 500_000 + "</sst>"), "a.xlsx", "ratio"),
    ("B4", raw(sheet_xml(BODY, prolog=DTD)), "a.xlsx", "dtd"),
    ("B5", with_part("xl/sharedStrings.xml", f"{DTD}<sst>&b;</sst>"), "a.xlsx", "dtd"),
    ("B6", with_part("xl/styles.xml", STYLES), "a.xlsx", "dtd"),
    ("B7", with_part("xl/worksheets/_rels/sheet1.xml.rels", f"{DTD}<Relationships/>"), "a.xlsx", "dtd"),
    ("B8", raw(sheet_xml(BODY, prolog='<!DOCTYPE x [<!ENTITY a "' + "a" * 50_000 + '">]>')), "a.xlsx", "dtd"),
    ("B9", raw(sheet_xml(BODY, prolog='<!DOCTYPE x [<!ENTITY a "b">]>')), "a.xlsx", "dtd"),
    ("B10", raw(sheet_xml(HEAD + row_xml(2, "&c;"), prolog=DTD)), "a.xlsx", "dtd"),
    ("B11", raw(sheet_xml(BODY, prolog=HTTP)), "a.xlsx", "dtd"),
    ("B12", raw(sheet_xml(BODY, after='<xi:include xmlns:xi="x" href="file:///etc/hostname"/>')), "a.xlsx", ""),
    ("B13", raw(sheet_xml(HEAD + f'<row r="1048576">{FAR}</row>')), "a.xlsx", "row_limit"),
    ("B14", raw(sheet_xml(BODY + '<row r="3"><c r="NTP3"><v>1</v></c></row>')), "a.xlsx", "column_limit"),
    ("B15", raw(sheet_xml("".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 2000)))),
     "a.xlsx", "column_limit"),
    ("B16", raw(sheet_xml(row_xml(1, "x"), after='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')),
     "a.xlsx", "no_heading"),
    ("B18", raw(sheet_xml(BODY, before='<dimension ref="A1:XFD1048576"/>')), "a.xlsx", ""),
    ("B19", raw(sheet_xml(BODY, before='<dimension ref="A1"/>')), "a.xlsx", ""),
    ("B20", lambda: zipped(*((f"xl/{n}.xml", "<x/>") for n in range(3000))), "a.xlsx", "too_many_entries"),
    ("B21", lying_header(), "a.xlsx", "broken"),
    ("B22", overlapping(), "a.xlsx", "broken"),
    ("B23", lambda: raw(sheet_xml(BODY, after="<a>" * 200_000 + "</a>" * 200_000)), "a.xlsx", "ratio"),
    ("B24", lambda: raw(sheet_xml(BODY, after='<conditionalFormatting sqref="A1"/>' * 10_000)), "a.xlsx", ""),
    ("B prefixed", raw(sheet_xml(BODY).replace("<worksheet xmlns=", "<x:worksheet xmlns:x=").replace("</w", "</x:w")
     .replace("<row", "<x:row").replace("</row", "</x:row").replace("<c ", "<x:c ").replace("</c>", FAR + "</x:c>")),
     "a.xlsx", "row_limit"),
    ("B another namespace", raw(sheet_xml(BODY + f'<row r="1048576" xmlns:z="urn:z">{FAR}</row>'.replace("<c", "<z:c")
     .replace("</c", "</z:c").replace("<v", "<z:v").replace("</v", "</z:v"))), "a.xlsx", "row_limit"),
    ("B single quotes", raw(sheet_xml(BODY + "<row r='1048570'><c r='A1048570'><v>1</v></c></row>")),
     "a.xlsx", "row_limit"),
    ("S1", xlsx(headings=None), "a.xlsx", "no_heading"),
    ("S2", xlsx(), "a.xlsx", "no_rows"),
    ("S9 all hidden", raw(sheet_xml(BODY), parts={"xl/workbook.xml": ALL_HIDDEN}),
     "a.xlsx", "no_sheet"),
    ("N16", xlsx(person(1, name="王\ufffe")), "a.xlsx", "broken"),
    ("H1", xlsx(["a"], headings=["姓名", "邮箱前缀", "姓名"]), "a.xlsx", "heading_twice"),
    ("H2", xlsx(["a"], headings=["姓名", "手机号"]), "a.xlsx", "heading_missing"),
    ("H12", xlsx([1], headings=[*HEADINGS, *(f"x{n}" for n in range(60))]), "a.xlsx", "column_limit"),
    ("H13", xlsx([1], headings=[1, 2, datetime.date(2026, 1, 1)]), "a.xlsx", "no_heading"),
    ("H14", xlsx(["Name", "Mailbox prefix", "", "", "Phone"], person(1)), "a.xlsx", "headings_twice"),
    ("H below row 10", xlsx(*[["注"]] * 11, HEADINGS, person(1), headings=None), "a.xlsx", "no_heading"),
]  # fmt: skip


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("content", "name", "code"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_a_file_is_refused_for(look, settings, content, name, code):
    seen = look(content() if callable(content) else content, name)
    assert seen.code in (code.split() or [""])
    if not code:
        assert seen.verdicts == ["new"]
        return
    assert not Import.objects.exists()
    assert not list(settings.IMPORT_DIR.glob("*"))


def cells(**changed: Any) -> bytes:
    return xlsx(person(1, **changed))


def table(heading: list[Any], *rows: list[Any], above: int = 0) -> bytes:
    return xlsx(*[["填写前请阅读说明"]] * above, heading, *rows, headings=None)


P, M, N, D = "phone", "prefix", "name", "departments"
ROWS: list[tuple[str, Any, str]] = [
    # code, the cells of a row, and "" or the column it is refused for
    ("P1", {P: 13800138000}, ""),
    ("P2", {P: "13800138000"}, ""),
    ("P3", {P: 13800138000.0}, ""),
    ("P4", {P: "1.38E+10"}, P),
    ("P5", {P: 13800000000}, P),
    ("P6", {P: "１３８００１３８０００"}, ""),
    ("P7", {P: "138\u00a00013\u00a08000"}, ""),
    ("P8", {P: "138\u200b0013\u200b8000"}, ""),
    ("P9", {P: "\ufeff13800138000"}, ""),
    ("P10", {P: "138-0013-8000"}, ""),
    ("P11", {P: "+8613800138000"}, ""),
    ("P12", {P: "008613800138000"}, ""),
    ("P13", {P: "8613800138000"}, ""),
    ("P14", {P: "(86)13800138000"}, ""),
    ("P15", {P: "'13800138000"}, ""),
    ("P16", {P: "13800138000.\t "}, ""),
    ("P17", {P: "1380013800"}, P),
    ("P18", {P: "138001380000"}, P),
    ("P19", {P: "12800138000"}, P),
    ("P20", {P: "010-62345678"}, P),
    ("P21", {P: "4008001234"}, P),
    ("P22", {P: "+1 650 253 0000"}, ""),
    ("P23", {P: "+852 5123 4567"}, ""),
    ("P24", {P: "13800138000/13900139000"}, P),
    ("P25", {P: "13800138000转123"}, P),
    ("P26", {P: "tel:13800138000"}, P),
    ("P27", {P: "١٣٨٠٠١٣٨٠٠٠"}, ""),
    ("P28", {P: "", "activation": "激活码"}, ""),
    ("P28 by phone", {P: ""}, P),
    ("P29", {P: True}, P),
    ("P30", {P: datetime.date(2026, 1, 1)}, P),
    ("M1", {M: ""}, M),
    ("M2", {M: "ZhangSan"}, ""),
    ("M3", {M: "ｚｓ"}, ""),
    ("M4", {M: "zs@example.com"}, ""),
    ("M4 in capitals", {M: "ZS@EXAMPLE.COM"}, ""),
    ("M4 foreign", {M: "zs@elsewhere.example"}, M),
    ("M5", {M: "zhang san"}, M),
    ("M6", {M: ".zs"}, M),
    ("M7", {M: "z..s"}, M),
    ("M8", {M: "a" * 64}, ""),
    ("M8 longer", {M: "a" * 65}, M),
    ("M9", {M: "张三"}, M),
    ("M10", {M: "postmaster"}, M),
    ("M11", {"aliases": "taken"}, "aliases"),
    ("M12", {M: "zs+tag"}, M),
    ("M13", {M: '"zs"'}, M),
    ("M14", {M: "zs\r\nBcc: x"}, M),
    ("M15", {"domain": "例子.公司"}, "domain"),
    ("M16", {M: "z\u0430s"}, M),
    ("M17", {"account": "TAKEN"}, "account"),
    ("M18", {"account": 1001.0}, ""),
    ("N1", {N: ""}, N),
    ("N2", {N: "长" * 2000}, N),
    ("N3", {N: "王😀"}, ""),
    ("N4", {N: "𠮷田"}, ""),
    ("N5", {N: "'=HYPERLINK(1)"}, ""),
    ("N6", {N: "<script>alert(1)</script>"}, ""),
    ("N7", {N: "王\u202e芳"}, N),
    ("N8", {N: "   "}, N),
    ("N9", {D: "总部/研发/一组"}, D),
    ("N10", {D: "没有这个部门"}, D),
    ("N11", {D: "/".join("一" * 50)}, D),
    ("N12", {D: "市场>部"}, D),
    ("N13", {D: "市场部;市场部/华东组"}, ""),
    ("N14", {D: "别家的部门"}, D),
    ("N15", {N: "NULL"}, ""),
    ("N15 None", {N: "None"}, ""),
    ("N15 nan", {N: "nan"}, ""),
    ("S20", {N: "#REF!"}, N),
    ("S20 N/A", {P: "#N/A"}, P),
    ("S19", {P: "=1+1"}, P),
    ("activation", {"activation": "随便"}, "activation"),
    ("six aliases", {"aliases": "a1;b1;c1;d1;e1;f1"}, "aliases"),
]


@pytest.mark.parametrize(("changed", "column"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
def test_a_row_is_refused_for(look, tenant, other_tenant, changed, column):
    build_member(tenant, "占用", "taken", "+8613700000000")
    Address.objects.create(enterprise=tenant.enterprise, domain=tenant.domain, local="postmaster", purpose="reserved")
    (row,) = look(cells(**changed)).rows
    assert {problem["column"] for problem in row.problems} == ({column} if column else set()), row.problems
    assert row.verdict == ("refused" if column else "new")


def test_what_the_cells_come_to(look):
    """P3, P6, M2, M3, M18, N3: what is kept is clean."""
    (row,) = look(cells(phone=13800138000.0, prefix="ＺｈａｎｇSan", account=1001.0, name=" 王😀 ")).rows
    facts = {key: row.facts[key] for key in ("phone", "prefix", "account", "name")}
    assert facts == {"phone": "+8613800138000", "prefix": "zhangsan", "account": "1001", "name": "王😀"}


@pytest.mark.parametrize(
    ("character", "real"),
    [("\ue863", "䶮"), ("\ue815", "⺁"), ("\ue843", ""), ("\ue865", ""), ("\uf8ff", ""), ("\U000f0000", "")],
)
def test_n_a_private_character_is_named_and_if_it_is_known_the_real_one(look, character, real):
    (row,) = look(cells(name=f"王{character}")).rows
    with override("en"):
        reason = render_message(row.problems[0])
    assert f"U+{ord(character):04X}" in reason
    assert (f"“{real}”" in reason) == bool(real)


@pytest.mark.parametrize(
    "name", ["../../x.xlsx", "x" * 300 + ".xlsx", "a\u202exslx.csv.xlsx", 'a";b.xlsx', "a\x00.xlsx"]
)
def test_c25_the_name_of_a_file_is_only_shown(look, settings, name):
    seen = look(GOOD, name)
    shown = seen.imported.file_name
    assert "/" not in shown
    assert len(shown) <= 128
    assert shown.isprintable()
    assert {file.stem for file in settings.IMPORT_DIR.iterdir()} == {seen.imported.stored}


def test_c23_the_content_counts_not_the_type_it_is_sent_as(look):
    assert look(GOOD, kind="text/plain").verdicts == ["new"]


@pytest.mark.sqlite_only
def test_c28_forty_megabytes_and_one_byte(look, settings):
    settings.IMPORT_FILE_BYTES = len(GOOD)
    assert look(GOOD).verdicts == ["new"]
    settings.IMPORT_FILE_BYTES = len(GOOD) - 1
    Import.objects.all().delete()
    for file in settings.IMPORT_DIR.iterdir():
        file.unlink()
    assert look(GOOD).code == "file_too_large"


def test_c30_the_same_file_twice_is_two_imports_and_one_member(look, alice):
    first, second = look(GOOD).imported, look(GOOD).imported
    for imported in (first, second):
        begin_import(imported, by=command_actor(alice))
    work_on_imports()
    second.refresh_from_db()
    assert Member.objects.count() == 1
    assert (second.state, second.created, second.unchanged) == ("done", 0, 1)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_csv_of_each_encoding(look, encoding, delimiter):
    text = "姓名,邮箱前缀,手机号\r\n张三,zhangsan,13900000001\r\n".replace(",", delimiter)
    (row,) = look(text.encode(encoding), "a.csv", "text/csv").rows
    assert (row.number, row.verdict, row.facts["name"]) == (2, "new", "张三")


@pytest.mark.parametrize(("rows", "code"), [(20, ""), (21, "row_limit")])
def test_s3_to_s5_the_limit_of_rows(look, settings, rows, code):
    settings.IMPORT_ROWS = 20
    seen = look(xlsx(*map(person, range(rows))))
    assert seen.code == code


@pytest.mark.sqlite_only
def test_b17_ten_thousand_merges_beside_the_table(look):
    merges = "".join(f'<mergeCell ref="H{n}:I{n}"/>' for n in range(100, 10_100))
    assert look(raw(sheet_xml(BODY, after=f"<mergeCells>{merges}</mergeCells>"))).verdicts == ["new"]


def test_s6_s7_blank_rows_are_no_rows(look):
    made = book(person(1), [], person(2))
    for row in range(6, 3000):
        made.active.cell(row, 1).fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
    seen = look(saved(made))
    assert [row.number for row in seen.rows] == [2, 4]
    assert seen.verdicts == ["new", "new"]


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_s8_s9_s10_the_first_visible_sheet_is_read_and_the_others_are_reported(look, state):
    made = book(person(1))
    hidden = made.create_sheet("秘密", 0)
    hidden.append(HEADINGS)
    hidden.append(person(7))
    hidden.sheet_state = state
    made.create_sheet("第三")
    made.active = 1
    seen = look(saved(made))
    assert [row.facts["name"] for row in seen.rows] == ["成员1"]
    assert seen.imported.heading["other_sheets"] == ["秘密", "第三"]


def test_s11_a_sheet_of_charts_is_no_table(look):
    chart = WORKBOOK.replace("<sheets>", '<sheets><sheet name="图" sheetId="9" r:id="rId9"/>')
    relation = f'<Relationship Id="rId9" Type="{OFFICE}/chartsheet" Target="chartsheets/sheet1.xml"/></Relationships>'
    parts = {
        "xl/workbook.xml": chart,
        "xl/_rels/workbook.xml.rels": WORKBOOK_RELS.replace("</Relationships>", relation),
        "xl/chartsheets/sheet1.xml": f'<chartsheet xmlns="{MAIN}"/>',
    }
    assert look(raw(sheet_xml(BODY), parts=parts)).verdicts == ["new"]


def test_s12_s13_hidden_rows_and_columns_are_read_and_reported(look):
    made = book(person(1), person(2))
    made.active.row_dimensions[3].hidden = True
    made.active.column_dimensions["G"].hidden = True
    seen = look(saved(made))
    assert seen.verdicts == ["new", "new"]
    assert (seen.imported.heading["hidden_rows"], seen.imported.heading["hidden_columns"]) == (1, 1)


def test_s14_s15_a_merged_heading_is_fine_and_merged_data_is_refused(look):
    made = book(["通讯录"], HEADINGS, person(1), person(2), person(3), headings=None)
    made.active.merge_cells("A1:I1")
    made.active.merge_cells("F4:F5")
    assert look(saved(made)).verdicts == ["new", "refused", "refused"]


def test_s16_s17_frozen_grouped_filtered_and_tabled_sheets_are_fine(look):
    made = book(person(1))
    made.active.freeze_panes = "A2"
    made.active.auto_filter.ref = "A1:I2"
    made.active.row_dimensions.group(2, 2, outline_level=1)
    made.active.add_table(openpyxl.worksheet.table.Table(displayName="T", ref="A1:I2"))
    assert look(saved(made)).verdicts == ["new"]


def test_s18_a_formula_with_its_value_is_taken_at_that_value(look):
    cell = '<c r="C2" t="str"><f>"139"&amp;"00000001"</f><v>13900000001</v></c>'
    seen = look(raw(sheet_xml(HEAD + row_xml(2, "张三", "zhangsan", more=cell))))
    assert [row.facts["phone"] for row in seen.rows] == ["+8613900000001"]


def test_s20_an_error_cell_refuses_its_row(look):
    cell = '<c r="C2" t="e"><v>#N/A</v></c>'
    (row,) = look(raw(sheet_xml(HEAD + row_xml(2, "张三", "zhangsan", more=cell)))).rows
    assert [problem["column"] for problem in row.problems] == ["phone"]


def test_our_template_saved_by_excel_keeps_its_last_row(look):
    """Excel stores a drop-down that refers to another sheet as `xm:f`, which isn't a cell's formula."""
    made = openpyxl.load_workbook(io.BytesIO(workbook_writer.write_template("zh-hans", ["example.com"], ["市场部"])))
    rows = made.active
    rows.delete_rows(2, rows.max_row)
    headings = [cell.value for cell in rows[1]]
    for row in (person(1), person(2, aliases="second")):
        rows.append([dict(zip(HEADINGS, row, strict=True)).get(heading) for heading in headings])
    seen = look(as_excel_saves_it(saved(made)))
    assert seen.verdicts == ["new", "new"]
    assert [alias for alias, _domain in seen.rows[1].facts["aliases"]] == ["second"]


def test_a_workbook_of_1904_keeps_its_dates(look):
    """Excel since 2013 writes a second `workbookPr`, in a namespace of its own and without `date1904`."""
    made = openpyxl.Workbook()
    made.epoch = CALENDAR_MAC_1904
    for row in (["姓名", "邮箱前缀", "手机号", "入职日期"], ["张三", "zs1", "1", datetime.date(2020, 5, 6)]):
        made.active.append(row)
    (row,) = look(as_excel_saves_it(saved(made))).rows
    assert "2020-05-06" in str(row.cells), row.cells


THREE = ["张三", "zhangsan", "13900000001"]
HEADING_CASES: list[tuple[str, bytes]] = [
    ("H3", table(["姓名", "邮箱前缀", "手机号", "星座"], [*THREE, "双鱼"])),
    ("H4", table(["手机号", "姓名", "邮箱前缀"], [THREE[2], THREE[0], THREE[1]])),
    ("H5", table(["姓 名", "邮箱\n前缀", "\u00a0手机号 "], THREE)),
    ("H6", table(["姓名（必填）", "邮箱前缀(必填)", "手机号"], THREE)),
    ("H7", table(["*姓名", "邮箱前缀 *", "手机号＊"], THREE)),
    ("H8", table(["Name*", "Mailbox prefix*", "Phone"], THREE)),
    ("H9", table(["姓名", "邮箱前缀", "手机号"], THREE, above=2)),
    ("H10", table(["\ufeff姓名", "邮箱前缀", "手机号"], THREE)),
    ("H11", table(["姓名", None, "邮箱前缀", "手机号"], [THREE[0], None, *THREE[1:]])),
    ("H15", table(["NAME", "EMAIL", "PHONE"], THREE)),
    ("H16", table(["姓名", "邮箱", "手机", "所属部门"], THREE)),
    ("H two tongues", table(["姓名/Name", "Mailbox prefix 邮箱前缀", "手机\nMobile"], THREE)),
    ("H without brackets", table(["姓名-必填", "Email Required", "Phone (optional)"], THREE)),
    ("H the better word", table(["电话", "姓名", "邮箱", "企业邮箱", "手机"],
     ["010-1", THREE[0], "x@y.cn", *THREE[1:]])),
    ("H WeCom", table(["姓名(必填)", "帐号", "职务", "部门", "性别", "手机", "座机", "个人邮箱", "企业邮箱"],
     [THREE[0], "zs", "经理", "", "男", THREE[2], "010-1", "x@y.cn", "zhangsan@example.com"], above=1)),
    ("H DingTalk", table(["员工UserID", "姓名", "手机号", "邮箱", "企业邮箱", "工号", "部门", "职位", "分机号"],
     ["u1", THREE[0], THREE[2], "x@y.cn", "zhangsan@example.com", 7, "", "经理", ""], above=2)),
    ("H Feishu", table(["姓名", "手机号码", "企业邮箱", "所在部门", "工号", "职务", "直属上级", "人员类型"],
     [THREE[0], THREE[2], "zhangsan@example.com", "", 7, "经理", "", "正式"])),
    ("H Microsoft", table(["User Name", "First Name", "Last Name", "Display Name", "Job Title", "Department",
     "Office Number", "Office Phone", "Mobile Phone", "Fax", "Alternate email address"],
     ["zhangsan@example.com", "三", "张", THREE[0], "经理", "", "", "010-1", THREE[2], "", "x@y.cn"])),
    ("H Microsoft in Chinese", table(["用户名", "名字", "姓氏", "显示名称", "职务", "部门", "办公室电话", "移动电话"],
     ["zhangsan@example.com", "三", "张", THREE[0], "经理", "", "010-1", THREE[2]])),
    ("H Entra", table(["Name [displayName] Required", "User name [userPrincipalName] Required",
     "First name [givenName]",
     "Mobile phone [mobile]"], [THREE[0], "zhangsan@example.com", "三", THREE[2]], above=1)),
]  # fmt: skip


@pytest.mark.parametrize("content", [case[1] for case in HEADING_CASES], ids=[case[0] for case in HEADING_CASES])
def test_a_heading_is_understood(look, content):
    (row,) = look(content).rows
    facts = [row.facts["name"], row.facts["prefix"], row.facts["phone"]]
    assert facts == ["张三", "zhangsan", "+8613900000001"]


OTHERS = {
    "Google": (["First Name [Required]", "Last Name [Required]", "Email Address [Required]"],
               "姓名/Name"),
    "Exmail": (["帐号", "密码", "编号", "姓名", "电话", "所属部门", "性别", "职务"], "邮箱前缀/Mailbox prefix"),
    "two columns in one": (["姓名/邮箱", "手机号"], "姓名/Name, 邮箱前缀/Mailbox prefix"),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_a_heading_that_is_missing_is_named_in_both_languages(tenant, alice, other):
    headings, names = OTHERS[other]
    content = upload(table(headings, ["x"] * len(headings)))
    with override("zh-hans"), pytest.raises(WorkbookRefused, match=f"[：]{names}[。]") as refused:
        start_import(tenant.root, by=command_actor(alice), upload=content)
    assert refused.value.code == "heading_missing"


def test_h3_an_unknown_heading_is_named(look):
    assert look(HEADING_CASES[0][1]).imported.heading["columns"]["unknown"] == ["星座"]


def test_u1_u4_rows_that_clash_are_all_refused_and_name_each_other(look):
    seen = look(
        xlsx(
            person(1, phone="13900000009"),
            person(2, phone="139 0000 0009"),
            person(3, account="Same"),
            person(4, account="SAME"),
            person(5, prefix="twin"),
            person(6, aliases="twin"),
            person(7),
        )
    )
    assert seen.verdicts == ["refused"] * 6 + ["new"]
    assert [row.problems[0]["rows"] for row in seen.rows[:6]] == [[3], [2], [5], [4], [7], [6]]


@pytest.mark.parametrize("alias_first", [True, False])
def test_u4_a_conflict_names_the_column_with_the_address(look, alias_first):
    rows = [person(1, prefix="x23", aliases="x1; x9"), person(2, prefix="x1"), person(3, aliases="x9")]
    seen = look(xlsx(*(rows if alias_first else reversed(rows))))
    columns = [[problem["column"] for problem in row.problems] for row in seen.rows]
    assert columns == ([["aliases", "aliases"], ["prefix"], ["aliases"]][:: 1 if alias_first else -1])


def test_u2_u5_a_holder_is_named_also_from_the_bin(look, tenant, wang):
    gone = build_member(tenant, "离职", "gone", "+8613700000009", deleted_at=datetime.datetime.now(datetime.UTC))
    seen = look(xlsx(person(1, phone="13800138002"), person(2, prefix="gone"), person(3, phone="13700000009")))
    assert seen.verdicts == ["refused", "refused", "new"], "the phone of a deleted member is free"
    assert "王芳" in render_message(seen.rows[0].problems[0])
    assert gone.name in render_message(seen.rows[1].problems[0])


def test_u6_u7_a_row_that_exists_is_unchanged_or_changed_or_refused(look, wang):
    same, other = ["王芳", "wangfang", "13800138002", "市场部/华东组"], ["王芳芳", "wangfang", "13800138002", ""]
    heading = ["姓名", "邮箱前缀", "手机号", "部门"]
    assert look(table(heading, same)).verdicts == ["unchanged"]
    assert look(table(heading, other)).verdicts == ["refused"]
    changed = look(table(heading, other), mode="update")
    assert changed.verdicts == ["changed"]
    assert changed.rows[0].previous["name"] == "王芳"


@pytest.mark.parametrize("mode", ["create", "update"])
def test_u7_a_blank_name_is_refused_whatever_else_the_row_says(look, wang, mode):
    heading = ["姓名", "邮箱前缀", "职务"]
    for position in ("", "会计"):
        seen = look(table(heading, ["", "wangfang", position]), mode=mode)
        assert seen.verdicts == ["refused"]
        assert "Enter the name." in [problem["text"] for problem in seen.rows[0].problems]


def test_u8_a_file_of_duplicates_only(look):
    assert set(look(xlsx(*[person(1)] * 50)).verdicts) == {"refused"}


def test_u14_the_same_phone_in_another_enterprise_is_no_conflict(look, other_tenant):
    build_member(other_tenant, "别人", "else", "+8613900000001")
    assert look(GOOD).verdicts == ["new"]


@pytest.mark.reader_process
@pytest.mark.sqlite_only
def test_b1_what_unpacks_to_too_much_is_left_at_the_limit(look, settings):
    settings.IMPORT_UNPACKED_BYTES = 3000
    assert look(GOOD).code == "unpacked_too_large"


@pytest.mark.reader_process
@pytest.mark.sqlite_only
def test_s_too_many_cells(look, settings):
    settings.IMPORT_CELLS = 10
    assert look(xlsx(person(1), person(2))).code == "cell_limit"


@pytest.mark.reader_process
@pytest.mark.sqlite_only
@pytest.mark.parametrize(("content", "code"), [(cells, "too_slow"), (xlsx, "too_slow")])
def test_a_child_that_takes_too_long_is_ended(look, settings, content, code):
    settings.IMPORT_READ_SECONDS = 0.001
    assert look(content()).code == code


@pytest.mark.reader_process
@pytest.mark.sqlite_only
def test_a_child_that_takes_too_much_memory_ends_alone(look, settings):
    settings.IMPORT_READ_MEMORY_BYTES = 20 * 1024 * 1024
    assert look(GOOD).code in {"too_heavy", "broken"}


def test_u3_an_address_that_was_applied_for_is_held(look, tenant):
    Address.objects.create(
        enterprise=tenant.enterprise, domain=tenant.domain, local="wanted", purpose="held", held_for="新人"
    )
    (row,) = look(cells(prefix="wanted")).rows
    assert row.problems[0]["text"] == "%(address)s is already requested by %(name)s.", "as the form by hand says it"
    assert row.problems[0]["params"] == {"address": "wanted@example.com", "name": "新人"}


def test_u13_rows_whose_department_is_deleted_meanwhile_are_refused(look, alice, tenant):
    imported = look(xlsx(person(1, departments="市场部/华东组"), person(2))).imported
    begin_import(imported, by=command_actor(alice))
    tenant.east.delete()
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.created, imported.refused) == ("done", 1, 1)


def test_an_account_left_blank_is_the_prefix_or_else_the_whole_address(look, tenant):
    build_member(tenant, "先来", "first", "+8613700000000")
    Member.objects.update(account="m1")
    seen = look(xlsx(person(1), person(2)))
    assert [row.facts["account"] for row in seen.rows] == ["m1@example.com", "m2"]


def test_c24_the_right_type_does_not_make_a_workbook(look):
    assert look(b"%PDF-1.7\n" + bytes(100), kind=XLSX).code == "other_format"


def test_u9_there_is_no_quota_that_a_row_could_exceed(look, tenant):
    """An enterprise has as many members as it has: the list names a case that does not exist here."""
    assert not [field.name for field in tenant.enterprise._meta.fields if "max" in field.name or "limit" in field.name]


# Every case of the list that no table above names, and the test that tries it.
ELSEWHERE = {
    "C23": test_c23_the_content_counts_not_the_type_it_is_sent_as,
    "C24": test_c24_the_right_type_does_not_make_a_workbook,
    "C25": test_c25_the_name_of_a_file_is_only_shown,
    "C26": test_pages.test_two_files_in_one_field_are_one_import,
    "C27": test_pages.test_an_upload_without_a_file_or_without_a_row_is_refused,
    "C28": test_c28_forty_megabytes_and_one_byte,
    "C29": test_faults.test_c29_an_upload_that_is_cut_on_the_way_is_no_import,
    "C30": test_races.test_c30_the_same_file_sent_twice_at_once_is_two_imports_and_each_member_once,
    "B17": test_b17_ten_thousand_merges_beside_the_table,
    "S3": test_sizes.test_s3_two_hundred_thousand_rows_are_read,
    "S4": test_sizes.test_s4_s5_one_row_more_is_refused_and_so_is_a_million,
    "S5": test_sizes.test_s4_s5_one_row_more_is_refused_and_so_is_a_million,
    "S6": test_s6_s7_blank_rows_are_no_rows,
    "S7": test_s6_s7_blank_rows_are_no_rows,
    "S8": test_s8_s9_s10_the_first_visible_sheet_is_read_and_the_others_are_reported,
    "S10": test_s8_s9_s10_the_first_visible_sheet_is_read_and_the_others_are_reported,
    "S11": test_s11_a_sheet_of_charts_is_no_table,
    "S12": test_s12_s13_hidden_rows_and_columns_are_read_and_reported,
    "S13": test_s12_s13_hidden_rows_and_columns_are_read_and_reported,
    "S14": test_s14_s15_a_merged_heading_is_fine_and_merged_data_is_refused,
    "S15": test_s14_s15_a_merged_heading_is_fine_and_merged_data_is_refused,
    "S16": test_s16_s17_frozen_grouped_filtered_and_tabled_sheets_are_fine,
    "S17": test_s16_s17_frozen_grouped_filtered_and_tabled_sheets_are_fine,
    "S18": test_s18_a_formula_with_its_value_is_taken_at_that_value,
    "U1": test_u1_u4_rows_that_clash_are_all_refused_and_name_each_other,
    "U2": test_u2_u5_a_holder_is_named_also_from_the_bin,
    "U3": test_u3_an_address_that_was_applied_for_is_held,
    "U4": test_u1_u4_rows_that_clash_are_all_refused_and_name_each_other,
    "U5": test_u2_u5_a_holder_is_named_also_from_the_bin,
    "U6": test_u6_u7_a_row_that_exists_is_unchanged_or_changed_or_refused,
    "U7": test_u6_u7_a_row_that_exists_is_unchanged_or_changed_or_refused,
    "U8": test_u8_a_file_of_duplicates_only,
    "U9": test_u9_there_is_no_quota_that_a_row_could_exceed,
    "U10": test_races.test_a_member_added_by_hand_during_the_import_is_there_once,
    "U11": test_races.test_two_imports_that_overlap_make_each_member_once,
    "U12": test_pages.test_an_author_without_permission_imports_nothing_more,
    "U13": test_u13_rows_whose_department_is_deleted_meanwhile_are_refused,
    "U14": test_u14_the_same_phone_in_another_enterprise_is_no_conflict,
}
CASES = {"C": 30, "B": 24, "S": 20, "H": 16, "P": 30, "M": 18, "N": 16, "U": 14}


def test_each_of_the_168_cases_is_tried():
    """U3 beyond the address, the phone: in invitations/tests, for there the applications are."""
    tried = {case[0].split()[0] for table in (FILES, ROWS, HEADING_CASES) for case in table} | set(ELSEWHERE)
    cases = {f"{kind}{number}" for kind, count in CASES.items() for number in range(1, count + 1)}
    assert len(cases) == 168
    assert cases - tried == set()
