"""Text tables by their separators, quotes and escapes."""

import pytest
from django.utils.translation import override

from directory.imports.reading.reader import WorkbookRefused

HEADINGS, ZHANG, LI, WANG = (
    ["姓名", "邮箱前缀", "手机号"],
    ["张三", "zs1", "13900001001"],
    ["李四", "ls1", "13900001002"],
    ["王五", "ww1", "13900001003"],
)
NOTE = "说明：每行一人,勿改表头,必填"
REMARKS = ['"姓名, 必填"', '"邮箱前缀"', '"手机号, 11位, 数字"']


def table(separator, *rows, above=""):
    return (above + "".join(separator.join(row) + "\r\n" for row in rows)).encode()


def cells(rows):
    return [[row["name"], row["prefix"], row["phone"]] for row in rows]


SEPARATORS = [",", ";", "\t", "|", "，", "；"]


@pytest.mark.parametrize("above", [f"{NOTE}\r\n", f'"{NOTE}; a\tb | c\r\n两行"\r\n', "通讯录,2026,第1版,甲;乙\r\n\r\n"])
@pytest.mark.parametrize("separator", SEPARATORS)
def test_the_separator_is_the_one_under_which_headings_are_found(read_table, separator, above):
    assert cells(read_table(table(separator, HEADINGS, ZHANG, LI, above=above))) == [ZHANG, LI]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_remarks_in_a_heading_do_not_hide_it(read_table, separator):
    assert cells(read_table(table(separator, REMARKS, ZHANG))) == [ZHANG]


@pytest.mark.parametrize("line", ["sep={}", "SEP={}", '"sep={}"', "\ufeffsep={}", "sep={}  "])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^", "~"])
def test_a_line_that_states_the_separator_is_believed(read_table, separator, line):
    above = line.format(separator) + "\r\n"
    assert cells(read_table(table(separator, HEADINGS, ZHANG, above=above))) == [ZHANG]


def test_separators_inside_cells_are_text(read_table):
    rows = [['"张;三|,"', "zs1", "13900001001"], ['"李\t四"', "ls1", "13900001002"]]
    assert [row["name"] for row in read_table(table(",", HEADINGS, *rows))] == ["张;三|,", "李\t四"]


def test_one_heading_that_names_two_columns_is_not_understood(read_table):
    with pytest.raises(WorkbookRefused) as refused:
        read_table(table(";", ["姓名,邮箱", "手机号"], ZHANG[:2]))
    assert refused.value.code == "heading_missing"


QUOTES = {
    "never closed": [['"李四', *LI[1:]], WANG],
    "never closed, in the last cell": [[*LI[:2], '"13900001002'], WANG],
    "never closed, in the last row": [WANG, ['"李四', *LI[1:]]],
    "closed by the next lone quote": [['"李四', *LI[1:]], WANG, ['"赵六', "zl1", "13900001004"]],
    "closed at the end of a later row": [['"李四', *LI[1:]], [*WANG[:2], '13900001003"']],
    "closed in the middle of a later cell": [['"李四', *LI[1:]], ['王"五', *WANG[1:]]],
    "closed at the end of a cell two rows below": [['"李四', *LI[1:]], WANG, ['王五"', *WANG[1:]]],
}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("rows", QUOTES.values(), ids=QUOTES)
def test_a_lone_quote_refuses_the_file_and_names_its_line(read_table, rows, separator):
    line = 3 + (rows[0] == WANG)
    for language in ("en", "zh-hans"):
        with override(language), pytest.raises(WorkbookRefused, match=f"{line}") as refused:
            read_table(table(separator, HEADINGS, ZHANG, *rows))
        assert refused.value.code == "quote"


def test_a_lone_quote_without_a_line_end_after_it_is_refused(read_table):
    with pytest.raises(WorkbookRefused):
        read_table(table(",", HEADINGS, ZHANG) + '"李四,ls1,13900001002'.encode())


@pytest.mark.parametrize(
    "name",
    ['"李\n四"', '"李\r\n四"', '"李 ""老四"" 四"', '"李,四\n注"', 'Li "Bill" Si', '李四"', '"李"四', '""'],
)
def test_a_quote_in_its_place_is_read(read_table, name):
    rows = read_table(table(",", HEADINGS, [name, *LI[1:]], WANG))
    assert [row["phone"] for row in rows] == [LI[2], WANG[2]]


def test_a_note_of_many_lines_above_the_headings_is_no_lone_quote(read_table):
    note = '"填写须知:\r\n1. 姓名,必填,不超过64字\r\n2. 手机,必填,11位"\r\n'
    assert cells(read_table(table(",", HEADINGS, ZHANG, above=note))) == [ZHANG]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('="13900001002"', "13900001002"),
        ('"=""13900001002"""', "13900001002"),
        ("=13900001002", "13900001002"),
        ('"=""139""""01"""', '139"01'),
        ('=""', ""),
    ],
)
def test_a_constant_formula_is_its_text(read_table, cell, text):
    rows = read_table(table(",", HEADINGS, [*LI[:2], cell], [f'="{WANG[0]}"', *WANG[1:]]))
    assert rows[0]["phone"] == text
    assert rows[1]["name"] == "王五"


@pytest.mark.parametrize("cell", ['="1"&"2"', "=1+1", "=A1", '="1', "=", '=HYPERLINK("x")'])
def test_another_formula_stays_as_it_is_written(read_table, cell):
    assert read_table(table("\t", HEADINGS, [*LI[:2], cell]))[0]["phone"] == cell
