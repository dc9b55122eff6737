"""Which phone numbers may get a sign-in code: the one question `accounts` asks the floor above it."""

from __future__ import annotations

from accounts.models import Role
from directory.models import Member


def is_listed(phone: str) -> bool:
    """Whether the E.164 number can lead into an enterprise: as a member who is not disabled, or by a role.

    Both questions are always asked, so that a known and an unknown number cost the same statements.
    """
    is_member = Member.objects.filter(phone=phone, deleted_at=None).exclude(status=Member.Status.DISABLED).exists()
    has_role = Role.objects.filter(user__phone=phone, user__is_active=True).exists()
    return is_member or has_role
