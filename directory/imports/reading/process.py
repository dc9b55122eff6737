"""`python -m directory.imports.reading.process LIMITS FILE TARGET`: read one file, in a process that may crash.

Prints one line of JSON: what was found, or {"refused": code}. Writes the rows to TARGET, one line of JSON each: the
number in the sheet and the cells, as text, number, boolean or {"date" | "time" | "dead": text}. Uses no database and no
settings.
"""

from __future__ import annotations

import csv
import datetime
import errno
import gc
import io
import json
import math
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from directory.imports.reading.package import Limits, Refused
from directory.imports.reading.scan import Cell, Scanned, kind_of, scan_workbook

# Longer texts are cut: they are refused for their length anyway.
TEXT_MAX = 1000
SNIFFED = 64 * 1024
ENCODINGS = ("utf-8-sig", "gb18030")
# A line that spreadsheet programs write above the table.
SEPARATOR = re.compile("\ufeff?sep=.\\s*$")
HANZI = re.compile("[\u3400-\u9fff]")
HANZI_IN_WORD = re.compile("(?<=[A-Za-z])[\u3400-\u9fff](?=[a-z])")


def main(limits: str, file: str, target: str) -> None:
    # Rows are written and forgotten, and this process ends with the last one.
    gc.disable()
    given = json.loads(limits)
    _limit_process(given["memory"], given["cpu"], given["file_size"])
    print(json.dumps(read(given, Path(file), Path(target))))


def read(limits: dict[str, Any], file: Path, target: Path) -> dict[str, Any]:
    """Read `file` into `target` within the limits that concern the file; return what `main` prints."""
    try:
        found = _read(file, target, Limits(*limits["workbook"]), is_csv=limits["is_csv"])
    except Refused as refused:
        found = {"refused": refused.code, "names": refused.names}
    except MemoryError:
        found = {"refused": "too_heavy"}
    except OSError as error:
        found = {"refused": "no_space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "broken"}
    except Exception as error:  # zipfile, expat and calamine have a dozen names for a broken file
        found = {"refused": "broken", "error": f"{type(error).__name__}: {error}"[:200]}
    return found | {"memory": highest_memory()}


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


def _read(file: Path, target: Path, limits: Limits, *, is_csv: bool) -> dict[str, Any]:
    if kind_of(file) == "text":
        if not is_csv:
            raise _wrongly_named(file)
        return _write(target, _csv_rows(_text_of(file), limits), limits) | {"kind": "csv"}
    copy = target.with_suffix(".copy")
    try:
        scanned = scan_workbook(file, limits, copy)
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


def _write(target: Path, rows: Iterable[tuple[int, list[Any]]], limits: Limits) -> dict[str, Any]:
    """Write the rows that are not blank."""
    count = 0
    with target.open("wb") as file:
        for number, cells in rows:
            while cells and cells[-1] == "":
                cells.pop()
            if not cells:
                continue
            count += 1
            if count > limits.rows + 10:
                raise Refused("row_limit")
            file.write(orjson.dumps([number, cells], option=orjson.OPT_APPEND_NEWLINE))
    return {"rows": count}


def _sheet_rows(copy: Path, scanned: Scanned) -> Iterator[tuple[int, list[Any]]]:
    # Imported here: the parent must not load a library that can abort the process.
    from python_calamine import CalamineWorkbook

    sheet = CalamineWorkbook.from_path(str(copy)).get_sheet_by_index(0)
    dead = scanned.facts.dead
    dead_rows = {cell.row for cell in dead}
    # calamine omits blank columns on the left, but not blank rows above.
    blank = [""] * (sheet.start[1] if sheet.start else 0)
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = blank + [value if type(value) is str and len(value) <= TEXT_MAX else _plain(value) for value in values]
        if number in dead_rows:
            for column in range(1, scanned.facts.last_column + 1):
                if Cell(number, column) in dead:
                    cells += [""] * (column - len(cells))
                    cells[column - 1] = {"dead": dead[Cell(number, column)]}
        yield number, [_tidy(cell) for cell in cells]


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


def _wrongly_named(file: Path) -> Refused:
    """Refuse a file that is not a text: a table named as a workbook, or an unknown format."""
    try:
        _text_of(file)
    except Refused:
        return Refused("not_xlsx")
    return Refused("text_as_workbook")


def _text_of(file: Path) -> str:
    content = file.read_bytes()
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return _decode(content, "utf-16")
    if b"\0" in content[:SNIFFED]:
        # In UTF-16 commas and digits have a zero byte.
        is_little = content[1:SNIFFED:2].count(0) > content[:SNIFFED:2].count(0)
        return _decode(content, "utf-16-le" if is_little else "utf-16-be")
    try:
        return _decode(content, ENCODINGS[0])
    except Refused:
        return _refuse_western(_decode(content, ENCODINGS[1]))


def _refuse_western(text: str) -> str:
    """Return True for a Western encoding read as GB18030 (Müller as M黮ler): most hanzi are inside Latin words."""
    hanzi = len(HANZI.findall(text))
    if hanzi and len(HANZI_IN_WORD.findall(text)) * 2 > hanzi:
        raise Refused("csv_encoding")
    return text


def _decode(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise Refused("csv_encoding") from None
    strange = sum(not sign.isprintable() and sign not in "\r\n\t\ufeff\xa0\u3000" for sign in text[:4096])
    # Binary files sometimes decode as GB18030, but a text has hardly any control characters.
    if "\0" in text or strange > len(text[:4096]) // 50 or text.lstrip()[:1] == "<" or text.startswith("%PDF"):
        raise Refused("not_text")
    return text


def _csv_rows(text: str, limits: Limits) -> Iterator[tuple[int, list[Any]]]:
    first = next((line for line in text.splitlines() if line.strip() and not SEPARATOR.match(line)), "")
    delimiter = max(",\t;", key=first.count)
    csv.field_size_limit(limits.unpacked)
    for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), start=1):
        if len(cells) > limits.columns and any(cell.strip() for cell in cells[limits.columns :]):
            raise Refused("column_limit")
        yield number, [_csv_cell(cell) for cell in cells[: limits.columns]]


def _csv_cell(cell: str) -> str:
    # Exports put an apostrophe before texts that a spreadsheet would take for formulas.
    if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@", "\t"}:
        cell = cell[1:]
    return cell[: TEXT_MAX + 1] if cell.strip() else ""


if __name__ == "__main__":
    main(*sys.argv[1:])
