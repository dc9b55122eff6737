"""A department goes below another one, with all that is below it; and what that changes, told before.

Every change of the tree waits for the enterprise's lock (accounts.audit.recording): of two moves that would put each
of two departments below the other, the second finds what the first has made.
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

# So many paths that are new leave PostgreSQL with a wrong idea of all of them.
MANY = 500


@dataclass(frozen=True)
class Move:
    """What a move would change, as things stand. `below`: how many departments go along. `losing` and `gaining`: the
    department administrators who look after it now only, and from then on only."""

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
    """Changes nothing. Raises ValidationError, for `department` (the form's field of the parent) or for no field. Under
    the enterprise's lock it is true until the commit."""
    present = Department.objects.filter(enterprise=department.enterprise_id).in_bulk([department.pk, parent.pk])
    if department.pk not in present:
        raise ValidationError(_("This department no longer exists."))
    if parent.pk not in present:
        raise ValidationError({"department": _("This department no longer exists.")})
    department, parent = present[department.pk], present[parent.pk]
    _refuse_place(department, parent)
    below = Department.objects.within([department]).aggregate(number=Count("pk"), depth=Max("depth"))
    _refuse_depth(parent.depth + 1 + below["depth"] - department.depth)
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
    """As it stands then. Who stands in it or below goes along; whatever names it names it still. In a number of
    statements that doesn't grow with what is below. Raises ValidationError as `plan_move`."""
    try:
        with recording(department.enterprise, by=by) as record:
            move = plan_move(department, parent=parent)
            _shift_counts(move.department, move.parent)
            _replant(move.department, move.parent)
            department = Department.objects.get(pk=department.pk)
            record("department_moved", department, before=_told(move, is_before=True), after=_told(move))
    except IntegrityError as conflict:
        raise ValidationError({"department": name_taken_message(department.name, parent)}) from conflict
    if move.below >= MANY:
        settle_statistics(Department)
    return department


def _refuse_place(department: Department, parent: Department) -> None:
    names = {"name": department.name, "parent": parent.name}
    if department.parent_id is None:
        raise ValidationError(_("The root department is the enterprise itself: it can't be moved."))
    if parent.pk == department.pk:
        raise ValidationError({"department": _("“%(name)s” can't go below itself.") % names})
    if department.pk in parent.ids_above:
        message = _("“%(name)s” can't go below “%(parent)s”, which is below “%(name)s” itself.")
        raise ValidationError({"department": message % names})
    if parent.pk == department.parent_id:
        raise ValidationError({"department": _("“%(name)s” is below “%(parent)s” already.") % names})


def _refuse_depth(depth: int) -> None:
    if depth > Department.MAX_DEPTH:
        limits = {"limit": Department.MAX_DEPTH, "levels": depth}
        message = _(
            "Departments can be at most %(limit)d levels deep; with what is below it these would be %(levels)d."
        )
        raise ValidationError({"department": message % limits})


def _looking_after(departments: Collection[int]) -> list[Role]:
    """The department administrators of any of these, by name."""
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


def _replant(department: Department, parent: Department) -> None:
    path = f"{parent.path}{department.pk}/"
    Department.objects.within([department]).update(
        path=Concat(Value(path), Substr("path", len(department.path) + 1)),
        depth=F("depth") + (parent.depth + 1 - department.depth),
    )
    Department.objects.filter(pk=department.pk).update(parent=parent)


def _told(move: Move, *, is_before: bool = False) -> dict[str, object]:
    """The department administrators only where they aren't the same before and after."""
    path, roles = (move.path_before, move.looking_after) if is_before else (move.path_after, move.will_look_after)
    is_same = move.looking_after == move.will_look_after
    return {"parent": path} | ({} if is_same else {"administrators": [role.user for role in roles]})
