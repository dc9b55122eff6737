"""Which sheet of a workbook is read, and the text that its number formats show."""

import io
import zipfile

import openpyxl
import pytest
from openpyxl.styles import PatternFill

from directory.imports.reading.reader import WorkbookRefused
from directory.tests.imports.workbooks import HEADINGS, MAIN, OFFICE, book, person, raw, row_xml, saved, sheet_xml

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


# Other vocabularies that programs nest in a worksheet, with local names of its own.
NESTED = {
    "anchors of form controls": '<controls xmlns:xdr="urn:xdr"><control><controlPr><anchor><from><xdr:col>70</xdr:col>'
    "<xdr:row>1048575</xdr:row></from></anchor></controlPr></control></controls>",
    "sparklines": '<extLst><ext xmlns:x14="urn:x14" xmlns:xm="urn:xm" uri="{05C60535-1F16-4fd2-B633-F4F36F0B64E0}">'
    "<x14:sparklineGroups><x14:sparkline><xm:f>A1:B2</xm:f><xm:sqref>C2</xm:sqref></x14:sparkline>"
    "</x14:sparklineGroups></ext></extLst>",
    "conditional formats": '<conditionalFormatting sqref="A1"><cfRule type="expression"><formula>A1=1</formula>'
    '</cfRule></conditionalFormatting><extLst><ext xmlns:x14="urn:x14" xmlns:xm="urn:xm">'
    "<x14:conditionalFormattings><x14:cfRule><x14:cfvo><xm:f>1</xm:f></x14:cfvo></x14:cfRule>"
    "</x14:conditionalFormattings></ext></extLst>",
    "a custom view": '<customSheetViews><customSheetView guid="{1}"><pane/><rowBreaks><brk id="1"/></rowBreaks>'
    "</customSheetView></customSheetViews>",
    "an ignored error": '<ignoredErrors><ignoredError sqref="A1" numberStoredAsText="1"/></ignoredErrors>',
}


@pytest.mark.parametrize("after", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("last", ["", "<c r='C2' s='0'/>"])
def test_elements_of_other_vocabularies_are_no_cells(read_table, after, last):
    body = row_xml(1, "姓名", "邮箱前缀", "手机号") + row_xml(2, "张三", "zs", more=last)
    (row,) = read_table(raw(sheet_xml(body, after=after)), "a.xlsx")
    assert (row["name"], row["prefix"], row["phone"]) == ("张三", "zs", "")


def with_strings(content: bytes, *texts: str) -> bytes:
    """The workbook with its inline strings in a part of their own, each with the reading of its characters."""
    reading = '<rPh sb="0" eb="1"><t>チョウ</t></rPh><phoneticPr fontId="1"/>'
    strings = "".join(f"<si><t>{text}</t>{reading}</si>" for text in texts)
    relation = f'<Relationship Id="rId9" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            part = old.read(name).decode()
            if name.startswith("xl/worksheets/"):
                for index, text in enumerate(texts):
                    part = part.replace(f't="inlineStr"><is><t>{text}</t></is>', f't="s"><v>{index}</v>')
            new.writestr(
                name, part.replace("</Relationships>", relation) if name.endswith("workbook.xml.rels") else part
            )
        new.writestr("xl/sharedStrings.xml", f'<?xml version="1.0"?><sst xmlns="{MAIN}">{strings}</sst>')
    return file.getvalue()


def test_readings_in_shared_strings_hide_no_heading(read_table):
    content = saved(workbook(EXPLAINED, ("成员", [["姓名", "邮箱前缀"], ["张三", "zs"]])))
    (row,) = read_table(with_strings(content, "张三", "邮箱前缀", "zs", "姓名", "填写说明"), "a.xlsx")
    assert (row["name"], row["prefix"]) == ("张三", "zs")
