"""The interface through which accounts asks which enterprises a person may enter, implemented by a later app.

Accounts knows users, roles and sessions, but not members, so it cannot decide on its own where a person may go. The
setting ACCOUNTS_MEMBERSHIP names the class that can; it is instantiated without arguments and holds no state.
"""

from __future__ import annotations

from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Enterprise, User
from accounts.requests import PublicRequest


class Membership(Protocol):
    """Where a person may go, and which restrictions apply to their session.

    Every method reads the database each time it is called: a membership or role taken away ends at once.
    """

    def enterprises_of_phone(self, phone: str) -> list[Enterprise]:
        """Return the enterprises that `phone` (E.164) can enter, as a member or by a role, in a fixed order.

        Called before a sign-in code is sent: it is sent only if there is an enterprise, and a single one signs the
        message and chooses its gateway. Must execute the same statements for a known and an unknown number and must
        not write, so that neither the response nor its timing reveals which numbers are listed.
        """

    def may_act_in(self, user: User, enterprise: Enterprise) -> bool:
        """Return True if `user` is active and still belongs to `enterprise`, as a member or by a role.

        Called when a phone approves a sign-in by QR code, and again when the desktop claims it. Must not depend on a
        session, because the desktop doesn't have the approving one.
        """

    def session_is_unrestricted(self, request: PublicRequest) -> bool:
        """Return True if no enterprise of the person requires stronger authentication than this session has.

        Called before a session creates or removes a credential (password, passkey, WeChat, second factor), before it
        approves a sign-in by QR code, and before pages of a person who is in no enterprise. Must not change the
        session.
        """

    def enter_only_enterprise(self, request: PublicRequest) -> None:
        """Enter an enterprise if the person has exactly one, nothing to join and no restriction there.

        Called after every sign-in that names no enterprise, and after a phone without a user was proven. If there is a
        choice, the session stays outside. Must not raise.
        """

    def enter_if_allowed(self, request: PublicRequest, enterprise: Enterprise) -> None:
        """Enter `enterprise` if the person has access to it and no restriction applies.

        Called after a sign-in that names an enterprise, such as one by QR code. Otherwise the session stays outside.
        Must not raise, and must not enter another enterprise.
        """


def get_membership() -> Membership:
    """Return the implementation that ACCOUNTS_MEMBERSHIP names. Not cached, so that tests can override the setting."""
    implementation: type[Membership] = import_string(settings.ACCOUNTS_MEMBERSHIP)
    return implementation()
