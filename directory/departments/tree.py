"""The tree as pages show it: whole paths for a select, and the few levels beside a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accounts.models import Role
from directory.access import departments_of, is_scoped, scope_of
from directory.models import Department

# A level with more is read in the list of departments.
SHOWN_MAX = 500


@dataclass(frozen=True)
class Branch:
    """A department at its place in the tree. `level` counts from what this role sees at the top."""

    department: Department
    level: int
    is_current: bool
    is_open: bool


def paths_of(departments: Iterable[Department]) -> dict[int, str]:
    """Id to whole path ("示例科技/市场部/华东组"), in the tree's order; one query for names above those given."""
    departments = list(departments)
    names = {department.pk: department.name for department in departments}
    missing = {pk for department in departments for pk in department.ids_above} - set(names)
    names |= dict(Department.objects.filter(pk__in=missing).values_list("pk", "name")) if missing else {}
    labels = {department.pk: "/".join(names[pk] for pk in department.ids_above) for department in departments}
    return dict(sorted(labels.items(), key=lambda item: item[1]))


def branches_of(role: Role, current: Department | None) -> list[Branch]:
    """The tops, and below each department from there down to `current` its children; in two queries."""
    tops = scope_of(role) if is_scoped(role) else list(departments_of(role).filter(parent=None))
    open_ones = set(current.ids_above) if current else {one.pk for one in tops if not is_scoped(role)}
    # Two plain conditions, each served by an index: joined by "or" they would read the whole tree.
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
