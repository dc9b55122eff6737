"""Database triggers that keep the audit log append-only, apart from the erasure of personal data.

They are installed after every migrate, because Django silently loses them when it rebuilds a table on SQLite.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.models import AuditEvent

TABLE = AuditEvent._meta.db_table
UPDATE, DELETE, TRUNCATE = "audit_event_keeps", "audit_event_stays", "audit_event_stays_all"
KEPT = [field.column for field in AuditEvent._meta.concrete_fields if field.column != "personal"]
REFUSAL = "the audit log is append-only"


def install_triggers(using: str, **_signal: Any) -> None:
    """Create or replace the triggers. A receiver of post_migrate."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names():
        return
    drop_triggers(using)
    for statement in _on_sqlite() if connection.vendor == "sqlite" else _on_postgresql():
        _run(connection, statement)


def drop_triggers(using: str) -> None:
    """Drop the triggers, which only tests need: they empty the tables."""
    connection = connections[using]
    on_table = "" if connection.vendor == "sqlite" else f" ON {TABLE}"
    for name in (UPDATE, DELETE, TRUNCATE):
        _run(connection, f"DROP TRIGGER IF EXISTS {name}{on_table}")


def _run(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _on_sqlite() -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    return [
        f"CREATE TRIGGER {UPDATE} BEFORE UPDATE ON {TABLE} WHEN {_is_change('IS NOT')} {refuse}",
        f"CREATE TRIGGER {DELETE} BEFORE DELETE ON {TABLE} {refuse}",
    ]


def _on_postgresql() -> list[str]:
    refuse = "EXECUTE FUNCTION refuse_audit_change()"
    return [
        f"""CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
        f"CREATE TRIGGER {UPDATE} BEFORE UPDATE ON {TABLE} FOR EACH ROW "
        f"WHEN ({_is_change('IS DISTINCT FROM')}) {refuse}",
        f"CREATE TRIGGER {DELETE} BEFORE DELETE ON {TABLE} FOR EACH ROW {refuse}",
        f"CREATE TRIGGER {TRUNCATE} BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT {refuse}",
    ]


def _is_change(differs: str) -> str:
    return " OR ".join(["NEW.personal IS NOT NULL", *(f"NEW.{column} {differs} OLD.{column}" for column in KEPT)])
