"""Export members as a workbook: the import's own columns and the status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from accounts.models import Enterprise
from directory.departments.tree import paths_of
from directory.imports.workbook_writer import IN_BIN, write_members
from directory.members.data import COLUMNS, Labels, MemberData, read_data
from directory.models import Department, Member, MemberQuerySet

CHUNK = 2000


def export_members(enterprise: Enterprise, chunks: Iterable[Sequence[int]], *, language: str) -> bytes:
    """Return a workbook of the members with these ids. Importing it into the root department changes nothing."""
    domains = dict(enterprise.domains.values_list("pk", "name"))
    paths = paths_of(Department.objects.filter(enterprise=enterprise))
    labels = Labels(domains, {pk: path.partition("/")[2] for pk, path in paths.items()}, language)
    return write_members(_rows(chunks), labels)


def chunks_of(members: MemberQuerySet) -> Iterator[Sequence[int]]:
    ids = list(members.order_by("pk").values_list("pk", flat=True).distinct())
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _rows(chunks: Iterable[Sequence[int]]) -> Iterator[tuple[str, MemberData]]:
    """Yield status (or IN_BIN) and data by ascending id, without the members that were erased."""
    for ids in chunks:
        found = Member.objects.filter(pk__in=ids, erased_at=None).order_by("pk")
        columns = ("pk", "main_department_id", "status", "deleted_at", *COLUMNS)
        members: list[Any] = list(found.values_list(*columns, named=True))
        data = read_data(members)
        for member in members:
            yield IN_BIN if member.deleted_at else member.status, data[member.pk]
