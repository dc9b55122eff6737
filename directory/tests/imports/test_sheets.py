"""Which sheet of a workbook is read, and the text that its number formats show."""

import openpyxl
import pytest
from openpyxl.styles import PatternFill

from directory.imports.reading.reader import WorkbookRefused
from directory.tests.imports.workbooks import HEADINGS, book, person, raw, row_xml, saved, sheet_xml

NOTES = ["姓名：必填", "邮箱前缀：必填"]


def workbook(*sheets, active=0):
    """A workbook of (title, rows) sheets."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.active = active
    return made


TABLE = ("成员", [["公司通讯录"], HEADINGS, person(1)])
OTHER = ("离职", [HEADINGS, person(2)])
EXPLAINED = ("填写说明", [["填写说明"], ["1. 姓名和邮箱前缀必填"], *[[note] for note in NOTES], ["姓名"]])


@pytest.mark.parametrize(
    ("sheets", "active"),
    [
        ([EXPLAINED, TABLE], 0),
        ([EXPLAINED, TABLE], 1),
        ([EXPLAINED, EXPLAINED, TABLE, OTHER], 0),
        ([OTHER, TABLE], 1),
        ([("Sheet1", []), TABLE], 0),
    ],
)
def test_the_first_sheet_with_headings_is_read_the_active_one_first(read_table, sheets, active):
    (row,) = read_table(saved(workbook(*sheets, active=active)), "a.xlsx")
    assert row["name"] == "成员1"


@pytest.mark.parametrize("sheets", [[TABLE, EXPLAINED], [TABLE, OTHER], [TABLE]])
def test_a_first_sheet_with_headings_is_read(read_table, sheets):
    assert read_table(saved(workbook(*sheets)), "a.xlsx")[0]["name"] == "成员1"


@pytest.mark.parametrize("active", [0, 1])
def test_a_hidden_sheet_is_not_read(read_table, active):
    made = workbook(OTHER, TABLE, active=active)
    made["离职"].sheet_state = "hidden"
    assert read_table(saved(made), "a.xlsx")[0]["name"] == "成员1"


def test_without_headings_on_any_sheet_the_file_is_refused(read_table):
    with pytest.raises(WorkbookRefused) as refused:
        read_table(saved(workbook(("a", [["x"]]), ("b", [["y"], [1]]))), "a.xlsx")
    assert refused.value.code == "no_heading"


FORMATS = [
    (7, "00000", "00007"),
    (7, '"zs"0000', "zs0007"),
    (7, '"zs"0', "zs7"),
    (7, "\\z\\s\\-0000", "zs-0007"),
    (7, '0000"号"', "0007号"),
    (12345, "000-000", "012-345"),
    (7, "[$-804]0000;@", "0007"),
    (7, "00000_ ;[Red]-00000", "00007"),
    (7, "[Blue]00000", "00007"),
    (0, "000", "000"),
]
UNCHANGED = [
    (7, "0"), (1234567, "00000"),
    (7, "General"), (7, "@"), (1234, "#,##0"), (7, "0_ "), (7, "0_);[Red]\\(0\\)"), (7, "0.00"),
    (7, "[DBNum1]000"), (7, "000%"), (-7, "000"), ("7", "000"), (13900001001, "00000000000"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "number_format", "shown"), FORMATS)
def test_zeros_that_a_number_format_shows_are_read(read_table, value, number_format, shown):
    made = book(person(1), person(2))
    made.active["D2"].value = value
    made.active["D2"].number_format = number_format
    first, second = read_table(saved(made), "a.xlsx")
    assert (first["account"], second["account"]) == (shown, "")


@pytest.mark.parametrize(("value", "number_format"), UNCHANGED)
def test_a_number_of_another_format_is_read_as_it_is(read_table, value, number_format):
    made = book(person(1))
    made.active["D2"].value = value
    made.active["D2"].number_format = number_format
    assert read_table(saved(made), "a.xlsx")[0]["account"] == value


def test_blank_rows_by_the_thousand_do_not_count_as_cells(read_table, settings):
    settings.IMPORT_CELLS = 8000
    made = book(person(1), person(2))
    for number in range(4, 3000):
        for column in (1, 2, 3):
            made.active.cell(number, column).fill = PatternFill("solid", fgColor="FFFF00")
    made.active.cell(3000, 1, "成员3")
    rows = read_table(saved(made), "a.xlsx")
    assert [row["name"] for row in rows] == ["成员1", "成员2", "成员3"]


@pytest.mark.parametrize("tail", ["<c r='A9' s='1'/>", '<c r="A3" s="1"/><c r="B3"/>', "<c/><c/>"])
def test_a_blank_cell_moves_no_other(read_table, tail):
    body = row_xml(1, "姓名", "邮箱前缀") + f"<row>{tail}</row>" + row_xml(4, "张三", "zs")
    (row,) = read_table(raw(sheet_xml(body)), "a.xlsx")
    assert (row["name"], row["prefix"]) == ("张三", "zs")


def test_rows_without_numbers_keep_their_order(read_table):
    body = row_xml(1, "姓名", "邮箱前缀") + '<row r="2"><c r="A2" s="1"/></row>'
    unnumbered = "<row><c t='inlineStr'><is><t>张三</t></is></c></row>"
    (row,) = read_table(raw(sheet_xml(body + unnumbered)), "a.xlsx")
    assert row["name"] == "张三"
