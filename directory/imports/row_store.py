"""Write rows of an import in bulk, and read the cells of those that stand in its files alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from core.bulk_sql import insert_rows
from directory.imports.reading.headings import Heading
from directory.imports.row_files import LineReader
from directory.members.data import MemberData
from directory.models import Import, ImportRow

COLUMNS = (
    "import_job_id", "number", "verdict", "cells", "facts", "problems", "notes", "member_id", "previous", "undo",
)  # fmt: skip


def insert_import_rows(imported: Import, rows: Iterable[Any]) -> None:
    """Insert rows: of ImportRow, or of a class with the attributes that `_values` reads."""
    insert_rows(ImportRow, COLUMNS, (_values(imported, row) for row in rows))


def replace_import_rows(imported: Import, rows: Sequence[ImportRow]) -> None:
    """Insert the rows in place of those with the same numbers: faster than as many updates."""
    ImportRow.objects.filter(import_job=imported, number__in=[row.number for row in rows]).delete()
    insert_import_rows(imported, rows)


def read_cells(imported: Import, heading: Heading, lines: LineReader, numbers: Sequence[int]) -> dict[int, list[Any]]:
    """Return the cells of these rows by number, with repairs."""
    repairs = imported.repairs
    return {
        number: heading.with_repairs(cells, repairs[str(number)]) if str(number) in repairs else cells
        for number, (cells, *_originals) in lines.pick(numbers).items()
    }


def as_json(value: Any) -> str | None:
    """Return the value as JSON, a MemberData as an object with its fields."""
    if value is None:
        return None
    return orjson.dumps(value, default=MemberData._asdict).decode() if value else "[]"


def _values(imported: Import, row: Any) -> tuple[Any, ...]:
    return (
        imported.pk, row.number, str(row.verdict), as_json(row.cells), as_json(row.facts), as_json(row.problems),
        as_json(row.notes), row.member_id, as_json(row.previous), row.undo,
    )  # fmt: skip
