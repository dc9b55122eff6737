"""The rows a role may reach, one function per noun. Everything else is 404."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.shortcuts import get_object_or_404

from accounts.access import ConsoleRequest
from accounts.models import Role
from directory.models import BulkAction, Department, DepartmentQuerySet, Domain, Import, Member, MemberQuerySet

M = TypeVar("M", bound=Model)


def departments_of(role: Role) -> DepartmentQuerySet:
    """Return the enterprise's departments; for a department administrator, their own and those below."""
    departments = Department.objects.filter(enterprise=role.enterprise_id)
    return departments.within(scope_of(role)) if is_scoped(role) else departments


def members_of(role: Role) -> MemberQuerySet:
    """Return members not in the recycle bin; for a department administrator, those in their departments or below."""
    members = Member.objects.present().filter(enterprise=role.enterprise_id)
    return members.under(*scope_of(role)) if is_scoped(role) else members


def binned_members_of(role: Role) -> MemberQuerySet:
    """Return members in the recycle bin whom the role could reach before."""
    members = Member.objects.in_bin().filter(enterprise=role.enterprise_id)
    return members.under(*scope_of(role)) if is_scoped(role) else members


def get_member(request: ConsoleRequest, id: int) -> Member:
    return _get_of(members_of(request.role), id)


def get_binned_member(request: ConsoleRequest, id: int) -> Member:
    return _get_of(binned_members_of(request.role), id)


def get_member_anywhere(request: ConsoleRequest, id: int) -> Member:
    """Return a member, in the recycle bin or not."""
    return _get_of(members_of(request.role) | binned_members_of(request.role), id)


def get_department(request: ConsoleRequest, id: int) -> Department:
    return get_object_or_404(departments_of(request.role).select_related("enterprise", "parent"), pk=id)


def get_movable_department(request: ConsoleRequest, id: int) -> Department:
    """Return a department whose parent the role may reach, too; so neither the root nor the top of a scope."""
    reachable = departments_of(request.role)
    return get_object_or_404(reachable.filter(parent__in=reachable).select_related("enterprise", "parent"), pk=id)


def get_domain(request: ConsoleRequest, id: int) -> Domain:
    return get_object_or_404(Domain.objects.select_related("enterprise"), pk=id, enterprise=request.enterprise)


def get_administrator(request: ConsoleRequest, id: int) -> Role:
    return get_object_or_404(Role.objects.select_related("enterprise", "user"), pk=id, enterprise=request.enterprise)


def read_ids(texts: Iterable[str]) -> list[int]:
    """Return the ids among texts from a URL or a form; ignore the others."""
    return [int(text) for text in texts if re.fullmatch(r"\d{1,18}", text, re.ASCII)]


def find_one(rows: QuerySet[M], id: str) -> M | None:
    """Return the row with the id from a URL or a form, if it is among `rows`."""
    return rows.filter(pk__in=read_ids([id])).first()


def imports_of(role: Role) -> QuerySet[Import]:
    """Return the enterprise's imports; for a department administrator, their own into departments they manage."""
    imports = jobs_of(role, Import.objects.all())
    if not is_scoped(role):
        return imports
    return imports.filter(Q(department=None) | Q(department__in=departments_of(role)))


def get_import(request: ConsoleRequest, id: int) -> Import:
    return get_object_or_404(imports_of(request.role).select_related("enterprise", "author"), pk=id)


def bulk_actions_of(role: Role) -> QuerySet[BulkAction]:
    """Return the enterprise's bulk actions; for a department administrator, their own."""
    return jobs_of(role, BulkAction.objects.all())


def get_bulk_action(request: ConsoleRequest, id: int) -> BulkAction:
    return get_object_or_404(bulk_actions_of(request.role).select_related("enterprise", "author"), pk=id)


def jobs_of(role: Role, jobs: QuerySet[M]) -> QuerySet[M]:
    """Return the enterprise's rows among `jobs`, of a model with `author` and `created_at`.

    A department administrator gets their own, but none that they started when they could reach more than now.
    """
    jobs = jobs.filter(enterprise=role.enterprise_id)
    return jobs.filter(author=role.user_id, created_at__gte=role.reach_since) if is_scoped(role) else jobs


def is_scoped(role: Role) -> bool:
    return role.name == Role.Name.DEPARTMENT_ADMIN


def scope_of(role: Role) -> list[Department]:
    """Return the departments of a department administrator, by path; none for other roles."""
    return list(Department.objects.filter(scopes__role=role, enterprise=role.enterprise_id).order_by("path"))


def _get_of(members: MemberQuerySet, id: int) -> Member:
    return get_object_or_404(members.select_related("enterprise", "main_department", "user"), pk=id)
