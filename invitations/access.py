"""Which applications and links a role may reach; other people's are 404."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from accounts.models import Role
from accounts.requests import ConsoleRequest
from directory.access import departments_of, is_scoped
from invitations.models import Application, Decision, JoinLink


def applications_of(role: Role) -> QuerySet[Application]:
    """All of the enterprise; to a department administrator those that lead into their own departments."""
    applications = Application.objects.filter(enterprise=role.enterprise_id)
    return applications.filter(department__in=departments_of(role)) if is_scoped(role) else applications


def get_application(request: ConsoleRequest, id: int) -> Application:
    applications = applications_of(request.role).select_related(
        "enterprise", "department", "domain", "inviter", "link", "member", "decided_by", "address", "consented_to"
    )
    return get_object_or_404(applications, pk=id)


def named_links_of(role: Role) -> QuerySet[JoinLink]:
    """All of the enterprise, dead ones too; neither the default link nor colleagues'."""
    links = JoinLink.objects.filter(enterprise=role.enterprise_id, inviter=None).exclude(name="")
    return links.select_related("enterprise", "inviter", "department", "domain", "created_by")


def get_named_link(request: ConsoleRequest, id: int) -> JoinLink:
    return get_object_or_404(named_links_of(request.role), pk=id)


def decisions_of(role: Role) -> QuerySet[Decision]:
    """Of the enterprise; a department administrator sees their own."""
    decisions = Decision.objects.filter(enterprise=role.enterprise_id)
    return decisions.filter(author=role.user_id) if is_scoped(role) else decisions
