"""The members as a workbook: the import's own columns and the status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from accounts.models import Enterprise
from directory.departments.tree import paths_of
from directory.imports.columns import Facts, Names
from directory.imports.conflicts import read_facts
from directory.imports.workbook_writer import write_members
from directory.models import Department, MemberQuerySet

CHUNK = 2000


def export_members(enterprise: Enterprise, chunks: Iterable[Sequence[int]], *, language: str) -> bytes:
    """Those of these ids, in this order. Imported again into the root department it changes nothing."""
    domains = dict(enterprise.domains.values_list("pk", "name"))
    paths = paths_of(Department.objects.filter(enterprise=enterprise))
    names = Names(domains, {pk: path.partition("/")[2] for pk, path in paths.items()}, language)
    return write_members(_rows(chunks), names)


def chunks_of(members: MemberQuerySet) -> Iterator[Sequence[int]]:
    ids = list(members.order_by("pk").values_list("pk", flat=True).distinct())
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _rows(chunks: Iterable[Sequence[int]]) -> Iterator[tuple[str, Facts]]:
    for ids in chunks:
        yield from read_facts(ids).values()
