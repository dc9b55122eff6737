"""Conditions and lookups shared by the querysets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup, Q
from django.db.models.sql.compiler import SQLCompiler

LAST_CHARACTER = "\U0010ffff"
PRESENT = Q(deleted_at=None)
IN_BIN = Q(deleted_at__isnull=False, erased_at=None)


def begins(field: str, prefix: str) -> Q:
    """Match a prefix as a range, for which both databases use an index; for LIKE they may not."""
    return Q(**{f"{field}__gte": prefix, f"{field}__lt": prefix + LAST_CHARACTER})


class Among(Lookup):
    """`in` for thousands of texts without control characters.

    PostgreSQL gets them as one text, because binding a parameter each, or an array, is slow in the driver.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(string_to_array(%s, E'\\x1f'))", (*params, "\x1f".join(self.rhs))
        placeholders = ", ".join(["%s"] * len(self.rhs)) or "NULL"
        return f"{column} IN ({placeholders})", (*params, *self.rhs)


models.CharField.register_lookup(Among)


def any_of(conditions: Iterable[Q]) -> Q:
    """Combine by OR; no condition matches no row."""
    return reduce(or_, conditions, Q(pk__in=[]))
