"""Look up which enterprises a phone number leads into, and how many members an enterprise has."""

from __future__ import annotations

from django.db.models import Q, Sum

from accounts.models import Enterprise, Role
from directory.models import Department, Member


def enterprises_of(phone: str) -> list[Enterprise]:
    """Return the enterprises that this E.164 number leads into, as a member who is not disabled or by a role.

    Execute one statement, the same for a known and an unknown number.
    """
    members = Member.objects.filter(phone=phone, deleted_at=None).exclude(status=Member.Status.DISABLED)
    roles = Role.objects.filter(user__phone=phone, user__is_active=True)
    leads_into = Q(pk__in=members.values("enterprise")) | Q(pk__in=roles.values("enterprise"))
    return list(Enterprise.objects.filter(leads_into).order_by("pk"))


def count_members(enterprise: int | None) -> int:
    """Return how many members the enterprise with this id has, or all enterprises together (None)."""
    roots = Department.objects.filter(parent=None)
    if enterprise is not None:
        roots = roots.filter(enterprise=enterprise)
    return roots.aggregate(members=Sum("members_below"))["members"] or 0
