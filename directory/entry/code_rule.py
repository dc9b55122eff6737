"""The enterprise's rule on phone codes: which members must sign in by scanning (product.md, step 4)."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Enterprise
from accounts.sign_in.known_browsers import is_known_browser
from directory.models import Member
from sms.phones import is_mainland


def must_scan(member: Member) -> bool:
    """Return True if the rule does not let this member sign in by phone code once they have joined."""
    enterprise = member.enterprise
    if enterprise.code_rule == Enterprise.CodeRule.EVERYONE or enterprise.code_rule_since is None:
        return False
    will_join = member.status == Member.Status.PENDING and member.joined_at is None
    joined_at = timezone.now() if will_join else member.joined_at or member.created_at
    return is_mainland(member.phone) and joined_at >= enterprise.code_rule_since


def may_enter_by_code(member: Member, *, browser: str) -> bool:
    """Return True if a phone code lets this active member in, in the browser with this secret.

    A member who has never entered may use a code, because they have no session to scan with yet.
    """
    if not must_scan(member) or member.last_entered_at is None:
        return True
    return member.user is not None and is_known_browser(member.user, member.enterprise, browser=browser)
