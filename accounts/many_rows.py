"""Many rows of one table in one statement, whatever their number, where saving each would take most of the time.

On PostgreSQL by COPY (three times bulk_create) and by arrays (bulk_update grows with the square of the rows), elsewhere
by executemany. Values are text, numbers, None and moments; the caller has turned everything else into these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Raises IntegrityError where a row breaks a constraint."""
    table, names = model._meta.db_table, ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", [_adapted(row) for row in rows])  # noqa: S608


def update_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Each row is an id and the new values of `columns`; no id comes twice. Raises IntegrityError."""
    if not rows:
        return
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{_array_type(model, name)}" for name in ("id", *columns))
            values = ", ".join(f"{name} = wanted.{name}" for name in columns)
            cursor.execute(
                f"UPDATE {table} SET {values} FROM unnest({arrays}) AS wanted (id, {', '.join(columns)})"  # noqa: S608
                f" WHERE {table}.id = wanted.id",
                [list(column) for column in zip(*rows, strict=True)],
            )
            return
        values = ", ".join(f"{name} = %s" for name in columns)
        changed = [_adapted((*row[1:], row[0])) for row in rows]
        cursor.executemany(f"UPDATE {table} SET {values} WHERE id = %s", changed)  # noqa: S608


def _array_type(model: type[models.Model], column: str) -> str:
    """Of a text without its limit: a cast would cut what is too long, an assignment refuses it."""
    field = next(field for field in model._meta.concrete_fields if field.column == column)
    kind = str(field.cast_db_type(connection)).lower()
    return "text[]" if kind.startswith("varchar") else f"{kind}[]"


def _adapted(row: Sequence[Any]) -> list[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, datetime) else value for value in row]
