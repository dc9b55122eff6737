"""Update PostgreSQL's statistics after many rows were written at once."""

from __future__ import annotations

from django.db import connection, models

from directory.models import Address, Department, Member, Membership, Reading


def settle_statistics(*changed: type[models.Model]) -> None:
    """Analyze these tables, or all tables of members, so that PostgreSQL does not plan for the old number of rows."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in changed or (Member, Membership, Address, Reading, Department):
                cursor.execute(f"ANALYZE {model._meta.db_table}")
