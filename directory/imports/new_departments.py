"""The departments of an import's rows as it is applied: paths become departments, created when first needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_noop

from accounts.audit.recording import Actor
from directory.departments.actions import add_department
from directory.imports.check import Check
from directory.imports.columns import fold
from directory.models import Department

GONE = gettext_noop("One of these departments no longer exists.")
OUT_OF_REACH = gettext_noop("You no longer manage one of these departments.")
DepartmentIds = tuple[int | None, ...]


@dataclass
class DepartmentResolver:
    """Resolves the departments that rows name, by id or by path, to ids; None where a path can't be followed.

    Resolve those of all rows before asking for the first error.
    """

    check: Check
    by: Actor
    created: dict[str, int | None] = field(default_factory=dict)
    resolved: dict[tuple[int | str, ...], DepartmentIds] = field(default_factory=dict)

    def resolve(self, departments: tuple[int | str, ...]) -> DepartmentIds:
        if departments not in self.resolved:
            ids = [self._id(one) if isinstance(one, str) else one for one in departments]
            self.resolved[departments] = tuple(dict.fromkeys(ids))
        return self.resolved[departments]

    def error(self, departments: DepartmentIds, *, current: Iterable[int] = ()) -> str:
        """Return why a member of the `current` departments can't be moved into these, or ""."""
        if not self._present.issuperset(departments):
            return GONE
        return "" if self._reachable.issuperset({*departments}.difference(current)) else OUT_OF_REACH

    @cached_property
    def _present(self) -> set[int | None]:
        return set(Department.objects.filter(pk__in=self._named).values_list("pk", flat=True))

    @cached_property
    def _reachable(self) -> set[int | None]:
        return set(self.check.reachable_departments().filter(pk__in=self._named).values_list("pk", flat=True))

    @property
    def _named(self) -> set[int]:
        return {id for ids in self.resolved.values() for id in ids if id is not None}

    def _id(self, path: str) -> int | None:
        if path not in self.created:
            self.created[path] = self._create(path)
        return self.created[path]

    def _create(self, path: str) -> int | None:
        """Return the department at the end of a path below the import's department."""
        top = self.check.context.department
        at = self.check.reachable_departments().select_related("enterprise").filter(pk=top).first()
        try:
            for name in path.split("/"):
                at = at and (child_named(at, name) or add_department(at, name=name, by=self.by))
        except ValidationError:
            return None
        return at.pk if at else None


def child_named(department: Department, name: str) -> Department | None:
    children = department.children.select_related("enterprise")
    return next((child for child in children if fold(child.name) == fold(name)), None)
