"""Read the stored file of an import into rows, and find its headings: at once if it is small, else in a worker."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.conf import settings

from directory.imports.reading.headings import find_heading
from directory.imports.reading.reader import ReadingTimeout, Sheet, WorkbookRefused, read_workbook
from directory.imports.reading.titles import HEADING_ROWS
from directory.imports.row_files import RowFiles
from directory.models import Import

MERGES_KEPT = 2000
# In each web process: a reader may take IMPORT_READ_MEMORY_BYTES.
one_reader = threading.Lock()


def read_at_once(imported: Import, *, seconds: float) -> None:
    """Read the file, unless waiting for other readers and reading take more than `seconds`: then a worker reads it.

    Raises WorkbookRefused.
    """
    end = time.monotonic() + seconds
    if not one_reader.acquire(timeout=min(max(seconds, 0), threading.TIMEOUT_MAX)):
        return
    files = RowFiles(imported.stored)
    try:
        with files.draft() as draft:
            rows = draft.path("rows")
            imported.heading = read_into(rows, imported, seconds=end - time.monotonic())
            rows.replace(files.path("rows"))
    except ReadingTimeout:
        return
    finally:
        one_reader.release()


def read_into(
    rows: Path, imported: Import, *, seconds: float = math.inf, keep: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Read the file into `rows`, and return the heading of the import.

    Raises WorkbookRefused, FileNotFoundError, ReadingTimeout after `seconds`, and what `keep` raises, which is called
    every few seconds.
    """
    file = RowFiles(imported.stored).path("upload")
    file.stat()
    if seconds <= 0:
        raise ReadingTimeout
    sheet = read_workbook(file, rows, name=imported.file_name, seconds=seconds, keep=keep)
    return _heading(sheet, is_update=imported.mode == Import.Mode.UPDATE)


def _heading(sheet: Sheet, *, is_update: bool) -> dict[str, Any]:
    first = list(takewhile(lambda line: line[0] <= HEADING_ROWS, sheet.lines()))
    heading = find_heading(first, is_update=is_update)
    rows = sheet.rows - sum(number <= heading.row for number, _cells in first)
    if not rows:
        raise WorkbookRefused("no_rows")
    if rows > settings.IMPORT_ROWS:
        raise WorkbookRefused("row_limit")
    return {
        "columns": asdict(heading),
        "rows": rows,
        "sheet": sheet.name,
        "other_sheets": sheet.other_sheets[:20],
        "hidden_rows": sheet.hidden_rows,
        "hidden_columns": sheet.hidden_columns,
        "merges": sheet.merges[:MERGES_KEPT],
        "encoding": sheet.encoding,
        "separator": sheet.separator,
        "child_memory": sheet.child_memory,
    }
