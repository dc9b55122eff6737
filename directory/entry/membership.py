"""Implement the interface `accounts.membership` with the members of the directory."""

from __future__ import annotations

from accounts.membership import Membership
from accounts.models import Enterprise, User
from accounts.requests import PublicRequest
from directory.entry.entry import enter, open_ways, ways_in
from directory.entry.phone_lookup import enterprises_of


class DirectoryMembership(Membership):
    """Decide by the members of the directory and the roles of the console (the setting ACCOUNTS_MEMBERSHIP)."""

    def enterprises_of_phone(self, phone: str) -> list[Enterprise]:
        return enterprises_of(phone)

    def may_act_in(self, user: User, enterprise: Enterprise) -> bool:
        return user.is_active and any(way.enterprise == enterprise for way in open_ways(user))

    def session_is_unrestricted(self, request: PublicRequest) -> bool:
        """Inside an enterprise only the rule on phone codes counts; outside, every enterprise must be free to enter."""
        ways = ways_in(request).open
        if request.session.get("enterprise"):
            return not any(way.needs_scan for way in ways)
        return all(way.is_free for way in ways)

    def enter_only_enterprise(self, request: PublicRequest) -> None:
        ways = ways_in(request)
        if len(ways.open) == 1 and not ways.joinable and ways.open[0].is_free:
            enter(request, ways.open[0])

    def enter_if_allowed(self, request: PublicRequest, enterprise: Enterprise) -> None:
        way = next((way for way in ways_in(request).open if way.enterprise == enterprise), None)
        if way and way.is_free:
            enter(request, way)
