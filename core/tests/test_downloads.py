"""Lists to take along: text stays text, whatever it begins with."""

import csv
import io

import pytest
from openpyxl import load_workbook

from core.downloads import write_csv, write_xlsx

PAYLOADS = [
    "=1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://evil.example","x")',
    "+1+1",
    "-2+3",
    "@SUM(1,1)",
    "\t=1+1",
    "\r=1+1",
    "\x00=1",
    "a\nb",
    '"quoted"',
    "中文，逗号,",
    "\ufffe\uffff\x0b",
    "",
]
NOT_XML = str.maketrans(dict.fromkeys("\x00\x0b\ufffe\uffff", "\N{REPLACEMENT CHARACTER}"))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_workbook_holds_no_formula(payload):
    sheet = load_workbook(io.BytesIO(write_xlsx("List", ["Name"], [[payload]]))).active
    cell = sheet["A2"]
    assert cell.data_type in {"s", "inlineStr", "n"}
    assert (cell.value or "") == payload.translate(NOT_XML).replace("\r", "\n")
    assert sheet["A1"].value == "Name"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_csv_cell_is_no_formula(payload):
    content = write_csv(["Name", "Next"], [[payload, "x"]])
    assert content.startswith(b"\xef\xbb\xbf")
    (heading, row) = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert heading == ["Name", "Next"]
    assert row[0].removeprefix("'") == payload
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
