"""Many rows of one table in one statement, whatever their number, where saving each would take most of the time.

On PostgreSQL by COPY (three times bulk_create) and by arrays (bulk_update grows with the square of the rows), elsewhere
by executemany. Values are text, numbers, None and moments; the caller has turned everything else into these.
"""

from __future__ import annotations

import json
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
            cursor.execute(_update_from_json(model, columns), [json.dumps(rows, default=_moment)])
            return
        values = ", ".join(f"{name} = %s" for name in columns)
        changed = [_adapted((*row[1:], row[0])) for row in rows]
        cursor.executemany(f"UPDATE {table} SET {values} WHERE id = %s", changed)  # noqa: S608


def delete_rows(model: type[models.Model], column: str, ids: Sequence[int]) -> None:
    """Those with one of these ids in `column`, where nothing refers to them: the database alone would refuse."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [list(ids)])  # noqa: S608
            return
        cursor.executemany(f"DELETE FROM {table} WHERE {column} = %s", [[id] for id in ids])  # noqa: S608


def _update_from_json(model: type[models.Model], columns: Sequence[str]) -> str:
    """One parameter, an array of arrays: the driver takes longer to write as many arrays than all the rest does."""
    kinds = {field.column: str(field.cast_db_type(connection)) for field in model._meta.concrete_fields}
    values = ", ".join(
        f"{name} = {_from_text(f'wanted.row ->> {place}', kinds[name])}" for place, name in enumerate(columns, start=1)
    )
    return (
        f"UPDATE {model._meta.db_table} SET {values} FROM jsonb_array_elements(%s::jsonb) AS wanted (row)"  # noqa: S608
        f" WHERE {model._meta.db_table}.id = (wanted.row ->> 0)::bigint"
    )


def _from_text(value: str, kind: str) -> str:
    """A text as it is: a cast would cut what is too long, an assignment refuses it."""
    return value if kind.startswith("varchar") else f"({value})::{kind}"


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(value)


def _adapted(row: Sequence[Any]) -> list[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, datetime) else value for value in row]
