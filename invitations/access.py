"""Which applications a role may reach; other people's are 404."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from accounts.models import Role
from accounts.requests import ConsoleRequest
from directory.access import departments_of, is_scoped
from invitations.models import Application


def applications_of(role: Role) -> QuerySet[Application]:
    """All of the enterprise; to a department administrator those that lead into their own departments."""
    applications = Application.objects.filter(enterprise=role.enterprise_id)
    return applications.filter(department__in=departments_of(role)) if is_scoped(role) else applications


def get_application(request: ConsoleRequest, id: int) -> Application:
    applications = applications_of(request.role).select_related(
        "enterprise", "department", "domain", "inviter", "link", "member", "decided_by", "address"
    )
    return get_object_or_404(applications, pk=id)
