"""PostgreSQL's statistics after many rows were written at once."""

from __future__ import annotations

from django.db import connection, models

from directory.models import Address, Department, Member, Membership, Reading


def settle_statistics(*changed: type[models.Model]) -> None:
    """After many rows, of these tables or of all that members fill, PostgreSQL must count anew, or it plans for the
    table as it was."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in changed or (Member, Membership, Address, Reading, Department):
                cursor.execute(f"ANALYZE {model._meta.db_table}")
