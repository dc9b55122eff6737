"""Implement the interface `accounts.membership` with the members of the directory."""

from __future__ import annotations

from accounts.membership import Membership
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest
from directory.entry.entry import enter, session_access, user_access
from directory.entry.phone_lookup import enterprises_of


class DirectoryMembership(Membership):
    """Decide by the members of the directory and the roles of the console (the setting ACCOUNTS_MEMBERSHIP)."""

    def enterprises_of_phone(self, phone: str) -> list[Enterprise]:
        return enterprises_of(phone)

    def may_act_in(self, user: User, enterprise: Enterprise) -> bool:
        return user.is_active and any(access.enterprise == enterprise for access in user_access(user))

    def session_is_unrestricted(self, request: PublicRequest) -> bool:
        """Inside an enterprise only the rule on phone codes restricts; outside, a dormant access does too."""
        enterprises = session_access(request).enterprises
        if request.session.get("enterprise"):
            return not any(access.needs_scan for access in enterprises)
        return all(access.is_allowed for access in enterprises)

    def enter_only_enterprise(self, request: PublicRequest) -> None:
        available = session_access(request)
        if len(available.enterprises) == 1 and not available.joinable and available.enterprises[0].is_allowed:
            enter(request, available.enterprises[0])

    def enter_if_allowed(self, request: PublicRequest, enterprise: Enterprise) -> None:
        for access in session_access(request).enterprises:
            if access.enterprise == enterprise and access.is_allowed:
                enter(request, access)
