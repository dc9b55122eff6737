"""Lists as workbooks and CSV files in which no cell is a formula.

A name that a stranger typed may begin with `=`; when an administrator opens the file, it must stay a name.
"""

from __future__ import annotations

import csv
import errno
import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from core.workbook_cells import FORMULA_STARTS, text_cells

CSV = "text/csv; charset=utf-8"
COLUMN_WIDTH = 20


def is_disk_full(error: BaseException | None) -> bool:
    """True if a file could not be written because the disk, or this user's quota, is full."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def write_xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a workbook of one sheet. `headings` must be trusted: they are not escaped."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for column in range(1, len(headings) + 1):
        sheet.column_dimensions[get_column_letter(column)].width = COLUMN_WIDTH
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
    """Return a CSV file with a byte order mark, without which a Chinese Excel reads UTF-8 as GB18030."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerows([_escape_formula(text) for text in row] for row in (headings, *rows))
    return file.getvalue().encode("utf-8-sig")


def _escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
