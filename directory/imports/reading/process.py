"""`python -m directory.imports.reading.process LIMITS FILE TARGET`: read one file, in a process that may crash.

Prints one line of JSON: what was found, or {"refused": code}. Writes the rows to TARGET, one line of JSON each: the
number in the sheet and the cells, as text, number, boolean or {"date" | "time" | "dead": text}; and where cells were
understood as another text, [[index, what stands in the file], …]. Uses no database and no settings.
"""

from __future__ import annotations

import ctypes
import datetime
import errno
import gc
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from directory.imports.reading.number_formats import show_number
from directory.imports.reading.package import Limits, Refused
from directory.imports.reading.scan import Cell, Scanned, SheetFacts, kind_of, scan_workbook
from directory.imports.reading.text_tables import TEXT_MAX, decode_text, layout_of, read_text_table

# The number of a row, its cells, and by index what stands in the file where a cell was understood as another text.
Line = tuple[int, list[Any], Sequence[tuple[int, str]]]
PR_SET_PDEATHSIG = 1


def main(limits: str, file: str, target: str) -> None:
    # Rows are written and forgotten, and this process ends with the last one.
    gc.disable()
    given = json.loads(limits)
    _end_with_parent(given["parent"])
    _limit_process(given["memory"], given["cpu"], given["file_size"])
    print(json.dumps(read(given, Path(file), Path(target))))


def read(limits: dict[str, Any], file: Path, target: Path) -> dict[str, Any]:
    """Read `file` into `target` within the limits that concern the file; return what `main` prints."""
    try:
        found = _read(file, target, Limits(*limits["workbook"]), limits["headings"], is_csv=limits["is_csv"])
    except Refused as refused:
        found = {"refused": refused.code, "names": refused.names}
    except MemoryError:
        found = {"refused": "too_heavy"}
    except OSError as error:
        found = {"refused": "no_space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "broken"}
    except Exception as error:  # zipfile, expat and calamine have a dozen names for a broken file
        found = {"refused": "broken", "error": f"{type(error).__name__}: {error}"[:200]}
    return found | {"memory": highest_memory()}


def _end_with_parent(parent: int) -> None:
    """Let Linux kill this process when its parent is killed; elsewhere the limit of CPU time ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _limit_process(memory: int, cpu: int, file_size: int) -> None:
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def highest_memory() -> int:
    """Return the peak memory in KB; getrusage would include what the parent used when it started us."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _read(file: Path, target: Path, limits: Limits, headings: dict[str, str], *, is_csv: bool) -> dict[str, Any]:
    if kind_of(file) == "text":
        if not is_csv:
            raise _wrongly_named(file, headings)
        text, encoding = decode_text(file.read_bytes(), headings)
        layout = layout_of(text, headings)
        found = _write(target, read_text_table(text, layout, limits), limits)
        return found | {"kind": "csv", "encoding": encoding, "separator": layout.separator}
    copy = target.with_suffix(".copy")
    try:
        scanned = scan_workbook(file, limits, copy, headings)
        facts = scanned.facts
        if facts.last_row * facts.last_column > limits.cells * 4:
            raise Refused("cell_limit")
        found = _write(target, _sheet_rows(copy, scanned), limits)
    finally:
        copy.unlink(missing_ok=True)
    return found | {
        "kind": "xlsx",
        "sheet": scanned.sheet,
        "other_sheets": scanned.others,
        "hidden_rows": facts.hidden_rows,
        "hidden_columns": facts.hidden_columns,
        "merges": facts.merges,
    }


def _write(target: Path, rows: Iterable[Line], limits: Limits) -> dict[str, Any]:
    """Write the rows that are not blank."""
    count = 0
    with target.open("wb") as file:
        for number, cells, originals in rows:
            while cells and cells[-1] == "":
                cells.pop()
            if not cells:
                continue
            count += 1
            if count > limits.rows + 10:
                raise Refused("row_limit")
            line = [number, cells, originals] if originals else [number, cells]
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    return {"rows": count}


def _sheet_rows(copy: Path, scanned: Scanned) -> Iterator[Line]:
    # Imported here: the parent must not load a library that can abort the process.
    from python_calamine import CalamineWorkbook

    sheet = CalamineWorkbook.from_path(str(copy)).get_sheet_by_index(0)
    dead_rows = {cell.row for cell in scanned.facts.dead}
    # calamine omits blank columns on the left, but not blank rows above.
    blank = [""] * (sheet.start[1] if sheet.start else 0)
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = blank + [value if type(value) is str and len(value) <= TEXT_MAX else _plain(value) for value in values]
        if number in dead_rows:
            _put_dead(cells, number, scanned.facts)
        originals: list[tuple[int, str]] = []
        for column in scanned.facts.formatted:
            originals += _show_as_formatted(cells, number, column, scanned.facts)
        yield number, [_tidy(cell) for cell in cells], originals


def _put_dead(cells: list[Any], row: int, facts: SheetFacts) -> None:
    """Put the cells without a value into a row: calamine reads them as blank."""
    for column in range(1, facts.last_column + 1):
        if why := facts.dead.get(Cell(row, column)):
            cells += [""] * (column - len(cells))
            cells[column - 1] = {"dead": why}


def _show_as_formatted(cells: list[Any], row: int, column: int, facts: SheetFacts) -> list[tuple[int, str]]:
    """Replace a number whose format shows more than its digits by the text that is shown; return what it replaced."""
    number = cells[column - 1] if column <= len(cells) else None
    format = facts.format_of(row, column)
    if format and type(number) is int and number >= 0 and (shown := show_number(number, format)) != str(number):
        cells[column - 1] = shown
        return [(column - 1, str(number))]
    return []


def _tidy(cell: Any) -> Any:
    if type(cell) is not str:
        return cell
    # PostgreSQL stores no NUL.
    return cell.replace("\0", "\N{REPLACEMENT CHARACTER}") if cell.strip() else ""


def _plain(value: Any) -> Any:
    """Return a number of calamine, which gives floats: whole ones as int, those beyond a float's precision as text."""
    match value:
        case bool() | int():
            return value
        case float():
            if value.is_integer() and abs(value) < 2**53:
                return int(value)
            # The JSON of databases has no NaN and Infinity.
            return value if math.isfinite(value) else str(value)
        case datetime.datetime() | datetime.date():
            return {"date": value.isoformat()}
        case datetime.time() | datetime.timedelta():
            return {"time": str(value)}
        case None:
            return ""
    return str(value)[: TEXT_MAX + 1]


def _wrongly_named(file: Path, headings: dict[str, str]) -> Refused:
    """Refuse a file that is not a workbook: a table named as one, or an unknown format."""
    try:
        decode_text(file.read_bytes(), headings)
    except Refused:
        return Refused("not_xlsx")
    return Refused("text_as_workbook")


if __name__ == "__main__":
    main(*sys.argv[1:])
