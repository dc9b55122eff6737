"""Move a department and everything below it, and preview what the move changes.

The enterprise's lock (accounts.audit.recording) prevents a cycle from two moves at once: the second one sees the first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Count, F, Max, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Role
from directory.departments.actions import check_name_is_free, name_taken_message
from directory.departments.member_counts import add_to_counts
from directory.departments.tree import paths_of
from directory.models import Department, DepartmentScope, Membership
from directory.models.lookups import begins
from directory.table_statistics import settle_statistics

# Number of changed paths above which PostgreSQL's statistics are updated.
MANY = 500


@dataclass(frozen=True)
class Move:
    """What a move changes: `below` departments move along; some department administrators lose or gain them."""

    department: Department
    parent: Department
    path_before: str
    path_after: str
    below: int
    looking_after: list[Role]
    will_look_after: list[Role]

    @property
    def losing(self) -> list[Role]:
        return [role for role in self.looking_after if role not in self.will_look_after]

    @property
    def gaining(self) -> list[Role]:
        return [role for role in self.will_look_after if role not in self.looking_after]


def plan_move(department: Department, *, parent: Department) -> Move:
    """Return what the move would change; under the enterprise's lock that is true until the commit.

    Raises ValidationError for `department`, the parent's field, or for no field.
    """
    present = Department.objects.filter(enterprise=department.enterprise_id).in_bulk([department.pk, parent.pk])
    if department.pk not in present:
        raise ValidationError(_("This department no longer exists."))
    if parent.pk not in present:
        raise ValidationError({"department": _("This department no longer exists.")})
    department, parent = present[department.pk], present[parent.pk]
    _check_parent(department, parent)
    below = Department.objects.within([department]).aggregate(number=Count("pk"), depth=Max("depth"))
    _check_depth(parent.depth + 1 + below["depth"] - department.depth)
    check_name_is_free(parent, department.name, field="department")
    above = [pk for pk in department.ids_above if pk != department.pk]
    paths = paths_of(Department.objects.filter(pk__in=[department.parent_id, parent.pk]))
    return Move(
        department=department,
        parent=parent,
        path_before=paths[above[-1]],
        path_after=paths[parent.pk],
        below=below["number"] - 1,
        looking_after=_looking_after([*above, department.pk]),
        will_look_after=_looking_after([*parent.ids_above, department.pk]),
    )


def move_department(department: Department, *, parent: Department, by: Actor) -> Department:
    """Move the department in a constant number of statements. Raises ValidationError as `plan_move` does."""
    try:
        with recording(department.enterprise, by=by) as record:
            move = plan_move(department, parent=parent)
            _shift_counts(move.department, move.parent)
            _move_paths(move.department, move.parent)
            department = Department.objects.get(pk=department.pk)
            record(
                "department_moved",
                department,
                before=_audit_snapshot(move, is_before=True),
                after=_audit_snapshot(move),
            )
    except IntegrityError as conflict:
        raise ValidationError({"department": name_taken_message(department.name, parent)}) from conflict
    if move.below >= MANY:
        settle_statistics(Department)
    return department


def _check_parent(department: Department, parent: Department) -> None:
    names = {"name": department.name, "parent": parent.name}
    if department.parent_id is None:
        raise ValidationError(_("The root department is the enterprise itself and can't be moved."))
    if parent.pk == department.pk:
        raise ValidationError({"department": _("“%(name)s” can't be moved below itself.") % names})
    if department.pk in parent.ids_above:
        message = _("“%(name)s” can't be moved below “%(parent)s” because “%(parent)s” is one of its subdepartments.")
        raise ValidationError({"department": message % names})
    if parent.pk == department.parent_id:
        raise ValidationError({"department": _("“%(name)s” is already below “%(parent)s”.") % names})


def _check_depth(depth: int) -> None:
    if depth > Department.MAX_DEPTH:
        limits = {"limit": Department.MAX_DEPTH, "levels": depth}
        message = _(
            "Departments can be up to %(limit)d levels deep. With its subdepartments, this one would reach %(levels)d."
        )
        raise ValidationError({"department": message % limits})


def _looking_after(departments: Collection[int]) -> list[Role]:
    """Return the department administrators of any of these departments, by name."""
    scopes = DepartmentScope.objects.filter(department__in=departments).select_related("role__user")
    return sorted({scope.role for scope in scopes}, key=lambda role: (str(role.user), role.pk))


def _shift_counts(department: Department, parent: Department) -> None:
    """In what is above it before or after, but not both. Who also stands elsewhere below such a department is counted
    there as before."""
    left, entered = set(department.ids_above) - {department.pk}, set(parent.ids_above)
    staying = _staying(department, left ^ entered)
    added = {pk: department.members_below - staying[pk] for pk in entered - left}
    removed = {pk: staying[pk] - department.members_below for pk in left - entered}
    add_to_counts(added | removed)


def _staying(department: Department, others: Collection[int]) -> dict[int, int]:
    """Of those below `department`: how many stand below each of the `others`, but not there."""
    if not others:
        return {}
    here = begins("department__path", department.path)
    standing = Membership.objects.filter(here).values("member")
    elsewhere = Membership.objects.filter(member__in=standing, member__deleted_at=None).exclude(here)
    counts = {
        str(one.pk): Count("member", distinct=True, filter=begins("department__path", one.path))
        for one in Department.objects.filter(pk__in=others)
    }
    return {int(pk): number for pk, number in elsewhere.aggregate(**counts).items()}


def _move_paths(department: Department, parent: Department) -> None:
    path = f"{parent.path}{department.pk}/"
    Department.objects.within([department]).update(
        path=Concat(Value(path), Substr("path", len(department.path) + 1)),
        depth=F("depth") + (parent.depth + 1 - department.depth),
    )
    Department.objects.filter(pk=department.pk).update(parent=parent)


def _audit_snapshot(move: Move, *, is_before: bool = False) -> dict[str, object]:
    """Include the department administrators only if they change."""
    path, roles = (move.path_before, move.looking_after) if is_before else (move.path_after, move.will_look_after)
    is_same = move.looking_after == move.will_look_after
    return {"parent": path} | ({} if is_same else {"administrators": [role.user for role in roles]})
