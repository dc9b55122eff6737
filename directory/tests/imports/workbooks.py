"""Workbooks for tests, built by cells, or by hand from parts."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile

HEADINGS = ["姓名*", "邮箱前缀*", "域名", "帐号", "手机号", "部门", "职务", "激活方式", "别名"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def book(*rows: Sequence[Any], headings: Sequence[Any] | None = HEADINGS) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    for row in [*([headings] if headings else []), *rows]:
        made.active.append(row)
    return made


def saved(made: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def xlsx(*rows: Sequence[Any], headings: Sequence[Any] | None = HEADINGS) -> bytes:
    return saved(book(*rows, headings=headings))


def upload(content: bytes, name: str = "members.xlsx", kind: str = XLSX) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, kind)


def person(number: int, **cells: Any) -> list[Any]:
    """Return a valid row; `cells` replaces values by column name."""
    values = {"name": f"成员{number}", "prefix": f"m{number}", "domain": "", "account": "", "phone": f"139{number:08d}"}
    values |= {"departments": "", "position": "", "activation": "", "aliases": ""} | cells
    return list(values.values())


def raw(
    sheet: str | bytes,
    *,
    parts: dict[str, str | bytes] | None = None,
    without: Iterable[str] = (),
    level: int | None = None,
) -> bytes:
    """A workbook of parts written by hand: `sheet` is the sheet's XML, `parts` adds to or replaces the others.

    A large one is packed sooner at `level` 1.
    """
    everything: dict[str, str | bytes] = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": RELS,
        "xl/workbook.xml": WORKBOOK,
        "xl/_rels/workbook.xml.rels": WORKBOOK_RELS,
        "xl/worksheets/sheet1.xml": sheet,
        **(parts or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in everything.items():
            if name not in without:
                archive.writestr(name, content)
    return file.getvalue()


def sheet_xml(body: str, *, before: str = "", after: str = "", prolog: str = "") -> str:
    data = f"{before}<sheetData>{body}</sheetData>{after}"
    return f'<?xml version="1.0"?>{prolog}<worksheet xmlns="{MAIN}">{data}</worksheet>'


def row_xml(number: int, *texts: str, more: str = "") -> str:
    cells = "".join(
        f'<c r="{chr(65 + index)}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        for index, text in enumerate(texts)
        if text
    )
    return f'<row r="{number}">{cells}{more}</row>'


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTENT_TYPES = (
    f'<?xml version="1.0"?><Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
    f'ContentType="{XLSX}.main+xml"/></Types>'
)
RELS = (
    f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
WORKBOOK = (
    f'<?xml version="1.0"?><workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
WORKBOOK_RELS = (
    f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)


X14 = (
    '<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}" '
    'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main">'
    '<x14:dataValidations count="1" xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main">'
    '<x14:dataValidation type="list"><x14:formula1><xm:f>Sheet2!$A$1:$A$3</xm:f></x14:formula1>'
    "<xm:sqref>D2:D9</xm:sqref></x14:dataValidation></x14:dataValidations></ext></extLst>"
)
X15 = (
    '<extLst><ext uri="{140A7094-0E35-4892-8432-C4D2E57EDEB5}" '
    'xmlns:x15="http://schemas.microsoft.com/office/spreadsheetml/2010/11/main">'
    '<x15:workbookPr chartTrackingRefBase="1"/></ext></extLst>'
)


def as_excel_saves_it(content: bytes) -> bytes:
    """Add Excel's extensions: drop-downs that refer to another sheet (2010 and later), chart tracking (2013)."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            part = old.read(name).decode() if name.endswith(".xml") else old.read(name)
            if name.startswith("xl/worksheets/"):
                part = re.sub("<dataValidations.*</dataValidations>", "", part).replace(
                    "</worksheet>", f"{X14}</worksheet>"
                )
            elif name == "xl/workbook.xml":
                part = part.replace("</workbook>", f"{X15}</workbook>")
            new.writestr(name, part)
    return file.getvalue()
