"""Who may do what in the console: the four roles and their permissions."""

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


# A department administrator has these within their own departments only; the access functions of directory see to it.
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
    """Return the role that a job's author still has: read again for each chunk, and none of a deactivated user."""
    roles = Role.objects.select_related("enterprise", "user")
    return roles.filter(user=user, user__is_active=True, enterprise=enterprise).first()


def may(role: Role, permission: Permission) -> bool:
    return permission in PERMISSIONS[role.name]


def may_give(role: Role, name: str) -> bool:
    """Whether `role` may appoint someone to `name`, and change or remove who has it.

    An owner may, owners included. An administrator may only what is below: who could make equals of themselves could,
    with one stolen session, fill the enterprise with them and turn out the rest.
    """
    ranks = list(Role.Name)
    is_below = ranks.index(Role.Name(name)) > ranks.index(Role.Name(role.name))
    return may(role, Permission.MANAGE_ADMINISTRATORS) and (role.name == Role.Name.OWNER or is_below)
