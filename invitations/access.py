"""The rows a role may reach, one function per noun. Everything else is 404."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from accounts.models import Role
from accounts.requests import ConsoleRequest
from directory.access import departments_of, is_scoped, jobs_of
from invitations.models import Application, Decision, InvitationBatch, JoinLink


def applications_of(role: Role) -> QuerySet[Application]:
    """Return the enterprise's applications; for a department administrator, those for their departments."""
    applications = Application.objects.filter(enterprise=role.enterprise_id)
    return applications.filter(department__in=departments_of(role)) if is_scoped(role) else applications


def addresses_applied_for(role: Role, ids: Collection[int]) -> set[int]:
    """Return those of these addresses that applications within the role's reach hold."""
    held = applications_of(role).filter(address__in=ids).values_list("address", flat=True)
    return {id for id in held if id is not None}


def get_application(request: ConsoleRequest, id: int) -> Application:
    applications = applications_of(request.role).select_related(
        "enterprise", "department", "domain", "inviter", "link", "member", "decided_by", "address", "consented_to"
    )
    return get_object_or_404(applications, pk=id)


def named_links_of(role: Role) -> QuerySet[JoinLink]:
    """Return the enterprise's named links, including revoked and expired ones."""
    links = JoinLink.objects.filter(enterprise=role.enterprise_id, inviter=None).exclude(name="")
    return links.select_related("enterprise", "inviter", "department", "domain", "created_by")


def get_named_link(request: ConsoleRequest, id: int) -> JoinLink:
    return get_object_or_404(named_links_of(request.role), pk=id)


def decisions_of(role: Role) -> QuerySet[Decision]:
    """Return the enterprise's decisions; for a department administrator, their own."""
    return jobs_of(role, Decision.objects.all())


def batches_of(role: Role) -> QuerySet[InvitationBatch]:
    """Return the enterprise's batches; for a department administrator, their own."""
    return jobs_of(role, InvitationBatch.objects.select_related("enterprise"))
