"""The tree of departments."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise, Role
from directory.models.lookups import any_of, begins


class DepartmentQuerySet(models.QuerySet["Department"]):
    def within(self, departments: Iterable[Department]) -> DepartmentQuerySet:
        """Those named and all below them."""
        return self.filter(any_of(begins("path", department.path) for department in departments))


class Department(models.Model):
    """A node of the enterprise's tree; the root (no parent) is the enterprise itself.

    `path` is the ids from the root down, each followed by a slash ("1/7/42/"), so that a subtree is one prefix.
    """

    MAX_DEPTH = 15
    NAME_MAX = 64

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="departments")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    name = models.CharField(_("department name"), max_length=NAME_MAX)
    path = models.CharField(max_length=255, db_index=True)
    depth = models.PositiveSmallIntegerField(default=0)
    # Members here and below, each once, without the deleted; kept by directory.departments.member_counts.
    members_below = models.PositiveIntegerField(default=0)

    objects = DepartmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("parent", Lower("name"), name="department_name_unique_among_siblings"),
            models.UniqueConstraint(
                fields=["enterprise"], condition=Q(parent=None), name="department_one_root_in_enterprise"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ids_above(self) -> list[int]:
        """From the root down to this department itself."""
        return [int(pk) for pk in self.path.split("/")[:-1]]


class DepartmentScope(models.Model):
    """A department (with those below) that a department administrator looks after."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="scopes")
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="scopes")

    class Meta:
        verbose_name_plural = _("department administrators")
        constraints = [models.UniqueConstraint(fields=["role", "department"], name="scope_named_once")]

    def __str__(self) -> str:
        return f"{self.role} {self.department}"
