"""Read an uploaded file into rows, in a child process with hard limits."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.translatable import TranslatableText
from directory.imports.columns import COLUMNS
from directory.imports.reading.titles import plain_heading
from directory.imports.row_files import read_rows

# How often a caller hears that the process still runs.
PULSE_SECONDS = 2.0
MESSAGES = {
    "empty_file": _("The file is empty."),
    "file_too_large": _("The file is too large. You can import up to 40 MB."),
    "not_xlsx": _("This file can't be read. Save it as .xlsx (or .csv) and upload it again."),
    "not_text": _("This isn't a text table. Save it as .xlsx or .csv and upload it again."),
    "broken": _("The workbook is damaged or was uploaded incompletely. Open it in a spreadsheet program, save "
                "it again, and upload it."),
    "other_format": _("This file has a different format: %(names)s. Save it as .xlsx (or .csv) and upload it "
                      "again."),
    "text_as_workbook": _("The file contains text and isn't a workbook. Name it .csv, or save it as .xlsx in "
                          "a spreadsheet program."),
    "password": _("The file is password-protected. Remove the password and upload it again."),
    "old_format": _("This is the old .xls (or .et) format. Save it as .xlsx and upload it again."),
    "macro": _("Workbooks with macros aren't accepted. Save the file as a plain .xlsx."),
    "ole": _("The workbook contains embedded files. Remove them, or copy the table to a new workbook."),
    "external_links": _("The workbook links to other files. Copy the table to a new workbook as values."),
    "too_many_entries": _("The workbook has too many parts. Copy the table to a new workbook."),
    "unpacked_too_large": _("The workbook is too large when unpacked. Copy only the table to a new workbook."),
    "ratio": _("The workbook is compressed in an unusual way. Copy the table to a new workbook."),
    "dtd": _("The workbook contains declarations that spreadsheet programs never write, so it can't be read. "
             "Copy the table to a new workbook."),
    "row_limit": _("The sheet has too many rows. You can import up to 200,000 at once, without large gaps "
                   "between rows."),
    "column_limit": _("The sheet has too many columns (maximum 64). Remove the ones you don't need."),
    "cell_limit": _("The sheet has too many cells, possibly formatted but empty ones. Copy only the table to "
                    "a new workbook."),
    "dead_cells": _("Too many cells contain errors or formulas without a value. Copy the table as values and "
                    "try again."),
    "no_sheet": _("The workbook has no visible sheet with a table."),
    "csv_encoding": _("The text encoding isn't recognized. Save the file as UTF-8 or .xlsx."),
    "quote": _("A quotation mark in line %(names)s has no partner, so the rows after it would be read as one cell. "
               "Correct the line and upload the file again."),
    "too_heavy": _("The workbook needs too much memory to read. Copy the table to a new workbook."),
    "no_space": _("The file couldn't be saved. The server's disk may be full. Contact the operator."),
    "too_slow": _("The workbook takes too long to read. Copy the table to a new workbook."),
    "no_heading": _("No header row was found in the first 10 rows. Use the column headings from the template."),
    "heading_missing": _("These column headings are missing: %(names)s. Use the headings from the template."),
    "heading_twice": _("These column headings appear more than once: %(names)s."),
    "headings_twice": _("There are two header rows (rows %(names)s). Keep only one."),
    "no_rows": _("The file has column headings but no data."),
}  # fmt: skip
# The column that each plain heading names.
HEADINGS = {plain_heading(title): column.name for column in COLUMNS for title in (*column.headings, *column.aliases)}


class WorkbookRefused(Exception):
    """The file as a whole is refused, and nothing is kept. `code` is a key of MESSAGES; the text is for the user."""

    def __init__(self, code: str, names: str = "") -> None:
        self.code = code
        self.message = TranslatableText(str(MESSAGES[code]), {"names": names} if names else None)
        super().__init__(self.message)


class ReadingTimeout(Exception):
    """The file could not be read within the caller's time."""


@dataclass(frozen=True)
class Sheet:
    """A sheet that was read: `target` has its rows, and the rest says what else was found in the file."""

    target: Path
    rows: int
    name: str = ""
    other_sheets: list[str] = field(default_factory=list)
    hidden_rows: int = 0
    hidden_columns: int = 0
    merges: list[str] = field(default_factory=list)
    child_memory: int = 0
    # Of a text file: the encoding as Python names it, and the separator of columns.
    encoding: str = ""
    separator: str = ""

    def lines(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the number of each row in its sheet, and its cells."""
        return ((number, cells) for number, cells, _originals in read_rows(self.target))


def read_workbook(
    file: Path, target: Path, *, name: str, seconds: float = math.inf, keep: Callable[[], None] = lambda: None
) -> Sheet:
    """Scan and parse `file`, uploaded as `name`, into `target`.

    Raises WorkbookRefused, and ReadingTimeout after `seconds`; the target is deleted then. Calls `keep` every
    PULSE_SECONDS: what it raises ends the reading.
    """
    is_csv = Path(name.lower()).suffix in {".csv", ".txt", ".tsv"}
    try:
        found = _ask_child(file, target, is_csv=is_csv, seconds=seconds, keep=keep)
        if "refused" in found:
            raise WorkbookRefused(found["refused"], found.get("names", ""))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Sheet(
        target=target,
        rows=found["rows"],
        name=found.get("sheet", ""),
        other_sheets=found.get("other_sheets", []),
        hidden_rows=found.get("hidden_rows", 0),
        hidden_columns=sum(last - first + 1 for first, last in found.get("hidden_columns", []) if last <= 64),
        merges=found.get("merges", []),
        child_memory=found["memory"],
        encoding=found.get("encoding", ""),
        separator=found.get("separator", ""),
    )


def _ask_child(file: Path, target: Path, *, is_csv: bool, seconds: float, keep: Callable[[], None]) -> dict[str, Any]:
    """Return what the reader process found. Whatever ends the wait for it kills it."""
    command = [
        sys.executable,
        "-m",
        "directory.imports.reading.process",
        json.dumps(_limits(is_csv)),
        str(file),
        str(target),
    ]
    limit = settings.IMPORT_READ_SECONDS
    given = min(seconds, limit)
    # Without our environment: it needs no database and no secret.
    with subprocess.Popen(  # noqa: S603 - ourselves
        command,
        cwd=settings.BASE_DIR,
        env={"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "RUST_BACKTRACE": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            output = _wait_for(child, given, keep)
        except subprocess.TimeoutExpired:
            if given < limit:
                raise ReadingTimeout from None
            return {"refused": "too_slow"}
        finally:
            child.kill()
    if child.returncode:
        # Killed by one of its limits, or crashed in the parser.
        return {"refused": "too_slow" if child.returncode in {-24, -9} else "too_heavy"}
    return json.loads(output)


def _wait_for(child: subprocess.Popen[bytes], seconds: float, keep: Callable[[], None]) -> bytes:
    """Return what the process printed. Raises TimeoutExpired after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            return child.communicate(timeout=min(PULSE_SECONDS, end - time.monotonic()))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
            keep()


def _limits(is_csv: bool) -> dict[str, Any]:
    return {
        "parent": os.getpid(),
        "memory": settings.IMPORT_READ_MEMORY_BYTES,
        "cpu": settings.IMPORT_READ_CPU_SECONDS,
        "file_size": settings.IMPORT_UNPACKED_BYTES * 2,
        "workbook": [
            settings.IMPORT_ENTRIES,
            settings.IMPORT_UNPACKED_BYTES,
            settings.IMPORT_RATIO,
            settings.IMPORT_ROWS,
            settings.IMPORT_COLUMNS,
            settings.IMPORT_CELLS,
        ],
        "is_csv": is_csv,
        "headings": HEADINGS,
    }
