"""Cells of the workbooks we write: every text in them is a text, never a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from openpyxl.cell import WriteOnlyCell

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\0")
# All but these may stand in XML 1.0 (section 2.2); openpyxl knows the first 32 only and would write a broken file.
NO_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text_cells(sheet: Any, texts: Iterable[str]) -> list[Any]:
    return [text_cell(sheet, text) for text in texts]


def text_cell(sheet: Any, text: str) -> Any:
    # Nearly every one, and a cell of its own takes as long as all the rest of writing it.
    if text[:1].isalnum() and not NO_XML.search(text):
        return text
    cell = WriteOnlyCell(sheet, NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))
    # openpyxl takes a text that begins with = for a formula.
    cell.data_type = "s"
    if text.startswith(FORMULA_SIGNS):
        cell.quotePrefix = True
    return cell
