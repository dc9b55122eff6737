"""Cells of the workbooks we write: every value is text, never a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from openpyxl.cell import WriteOnlyCell

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")
# Characters that XML 1.0 forbids (section 2.2). openpyxl only refuses control characters: the file would be corrupt.
NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text_cells(sheet: Any, texts: Iterable[str]) -> list[Any]:
    return [text_cell(sheet, text) for text in texts]


def text_cell(sheet: Any, text: str) -> Any:
    # True of nearly every text; creating a cell object takes as long as writing the row.
    if text[:1].isalnum() and not NOT_XML.search(text):
        return text
    cell = WriteOnlyCell(sheet, NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))
    # openpyxl takes text that begins with = for a formula.
    cell.data_type = "s"
    if text.startswith(FORMULA_STARTS):
        cell.quotePrefix = True
    return cell
