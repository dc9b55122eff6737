"""Lists to take along: a workbook, or text that any spreadsheet opens. No cell of theirs is ever a formula.

What a stranger typed as a name may begin with `=`; opened by an administrator it must stay a name (security.md 4.4).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from core.workbook_cells import FORMULA_SIGNS, text_cells

CSV = "text/csv; charset=utf-8"
WIDTH = 20


def write_xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """`headings` are words of ours."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for place in range(1, len(headings) + 1):
        sheet.column_dimensions[get_column_letter(place)].width = WIDTH
    heads = [WriteOnlyCell(sheet, heading) for heading in headings]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in rows:
        sheet.append(text_cells(sheet, row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """With a byte order mark, without which a Chinese Excel takes UTF-8 for GB18030."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerows([_harmless(text) for text in row] for row in (headings, *rows))
    return file.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
