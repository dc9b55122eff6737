"""The four roles of the console and their permissions."""

from __future__ import annotations

from enum import StrEnum, auto

from accounts.models import Role


class Permission(StrEnum):
    READ = auto()
    SEE_PHONES = auto()
    MANAGE_MEMBERS = auto()
    MANAGE_DEPARTMENTS = auto()
    SEND_INVITATIONS = auto()
    READ_MESSAGES = auto()
    READ_SETTINGS = auto()
    MANAGE_SETTINGS = auto()
    MANAGE_ADMINISTRATORS = auto()
    READ_AUDIT = auto()


# A department administrator has them within their own departments only, which directory's access functions enforce.
PERMISSIONS: dict[str, set[Permission]] = {
    Role.Name.OWNER: set(Permission),
    Role.Name.ADMIN: set(Permission),
    Role.Name.DEPARTMENT_ADMIN: {Permission.READ, Permission.MANAGE_MEMBERS, Permission.SEND_INVITATIONS},
    Role.Name.AUDITOR: {
        Permission.READ,
        Permission.READ_MESSAGES,
        Permission.READ_SETTINGS,
        Permission.READ_AUDIT,
    },
}


def acting_role(user: int | None, enterprise: int) -> Role | None:
    """Return the current role of a job's author, or None for a deactivated user. Call it again for each chunk."""
    roles = Role.objects.select_related("enterprise", "user")
    return roles.filter(user=user, user__is_active=True, enterprise=enterprise).first()


def may(role: Role, permission: Permission) -> bool:
    return permission in PERMISSIONS[role.name]


def may_give(role: Role, name: str) -> bool:
    """True if `role` may appoint, change and remove administrators with the role `name`.

    An owner may do so for every role, an administrator for lower ranks only: otherwise one stolen session could
    appoint further administrators and remove the others.
    """
    ranks = list(Role.Name)
    is_below = ranks.index(Role.Name(name)) > ranks.index(Role.Name(role.name))
    return may(role, Permission.MANAGE_ADMINISTRATORS) and (role.name == Role.Name.OWNER or is_below)
