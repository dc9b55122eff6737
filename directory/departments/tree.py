"""The department tree for pages: full paths, and the branches beside a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accounts.models import Role
from directory.access import departments_of, is_scoped, scope_of
from directory.models import Department

# The most departments that the tree beside a list shows.
SHOWN_MAX = 500


@dataclass(frozen=True)
class Branch:
    """A department in the tree; `level` is 0 for the topmost that the role sees."""

    department: Department
    level: int
    is_current: bool
    is_open: bool


def paths_of(departments: Iterable[Department]) -> dict[int, str]:
    """Return the full path ("示例科技/市场部/华东组") by id, sorted by path, with at most one query."""
    departments = list(departments)
    names = {department.pk: department.name for department in departments}
    missing = {pk for department in departments for pk in department.ids_above} - set(names)
    names |= dict(Department.objects.filter(pk__in=missing).values_list("pk", "name")) if missing else {}
    labels = {department.pk: "/".join(names[pk] for pk in department.ids_above) for department in departments}
    return dict(sorted(labels.items(), key=lambda item: item[1]))


def branches_of(role: Role, current: Department | None) -> list[Branch]:
    """Return the topmost departments and the children of each one from there to `current`, in two queries."""
    tops = scope_of(role) if is_scoped(role) else list(departments_of(role).filter(parent=None))
    open_ones = set(current.ids_above) if current else {one.pk for one in tops if not is_scoped(role)}
    # Two queries that each use an index: one with "or" would read the whole tree.
    below = departments_of(role).filter(parent__in=open_ones).order_by("depth", "pk")[:SHOWN_MAX]
    shown = {one.pk: one for one in (*tops, *below)}.values()
    children: dict[int | None, list[Department]] = defaultdict(list)
    for department in shown:
        children[department.parent_id].append(department)
    return list(_walk(children, _tops(children), current, 0))


def _tops(children: dict[int | None, list[Department]]) -> list[Department]:
    seen = {department.pk for level in children.values() for department in level}
    return [one for above, level in children.items() for one in level if above not in seen]


def _walk(
    children: dict[int | None, list[Department]],
    departments: list[Department],
    current: Department | None,
    level: int,
) -> Iterator[Branch]:
    for department in departments:
        below = children.get(department.pk, [])
        yield Branch(department, level, bool(current) and department == current, bool(below))
        yield from _walk(children, below, current, level + 1)
