"""Which rows: departments and members."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup, OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from directory.models import Department, Import, Member  # noqa: F401

LAST_SIGN = "\U0010ffff"
PRESENT = Q(deleted_at=None)
IN_BIN = Q(deleted_at__isnull=False, erased_at=None)


def begins(field: str, prefix: str) -> Q:
    """A prefix as a range: an index of either database serves it, which LIKE gets from neither for sure."""
    return Q(**{f"{field}__gte": prefix, f"{field}__lt": prefix + LAST_SIGN})


class Among(Lookup):
    """`in`, for thousands of texts without control characters: PostgreSQL gets one text instead of as many
    parameters, or of an array that the driver puts together in Python."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(string_to_array(%s, E'\\x1f'))", (*params, "\x1f".join(self.rhs))
        places = ", ".join(["%s"] * len(self.rhs)) or "NULL"
        return f"{column} IN ({places})", (*params, *self.rhs)


models.CharField.register_lookup(Among)


class DepartmentQuerySet(models.QuerySet["Department"]):
    def within(self, departments: Iterable[Department]) -> DepartmentQuerySet:
        """Those named and all below them."""
        return self.filter(_any(begins("path", department.path) for department in departments))


class MemberQuerySet(models.QuerySet["Member"]):
    def present(self) -> MemberQuerySet:
        """Neither in the bin nor purged."""
        return self.filter(PRESENT)

    def in_bin(self) -> MemberQuerySet:
        """Deleted, and still to be had back."""
        return self.filter(IN_BIN)

    def under(self, *departments: Department) -> MemberQuerySet:
        """Who stands in one of these or below."""
        return self.filter(pk__in=_standing_under(departments).values("member"))

    def asked_under(self, department: Department) -> MemberQuerySet:
        """The same, asked of each member in turn: for one page of a list in its order, where many stand there. Else
        PostgreSQL reads all of them to sort them."""
        if connection.vendor != "postgresql":
            return self.under(department)
        memberships = apps.get_model("directory", "Membership").objects
        standing = memberships.filter(_is_below(department), member=OuterRef("pk"))
        return self.alias(standing=Subquery(standing.values("department")[:1])).filter(standing__isnull=False)

    def made_by(self, imported: Import) -> MemberQuerySet:
        """Whom this import created."""
        rows = apps.get_model("directory", "ImportRow").objects.filter(import_job=imported, verdict="created")
        return self.filter(pk__in=rows.filter(member__isnull=False).values("member"))


def _is_below(department: Department) -> RawSQL:
    """The subtree's ids are gathered once, not joined for each row that is asked."""
    return RawSQL(
        "department_id = ANY(ARRAY(SELECT id FROM directory_department WHERE path >= %s AND path < %s))",
        [department.path, department.path + LAST_SIGN],
        output_field=models.BooleanField(),
    )


def _standing_under(departments: Iterable[Department]) -> models.QuerySet[Any]:
    memberships = apps.get_model("directory", "Membership").objects
    return memberships.filter(_any(begins("department__path", one.path) for one in departments))


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q(pk__in=[]))
