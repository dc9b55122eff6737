"""The enterprise's rule on phone codes: which members who joined must scan to sign in (product.md, step 4)."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Enterprise
from accounts.sign_in.known_browsers import is_known_browser
from directory.models import Member
from sms.phones import is_mainland


def must_scan(member: Member) -> bool:
    """Whether their enterprise asks this member to scan once they have joined; a browser may be excepted."""
    enterprise = member.enterprise
    if enterprise.code_rule == Enterprise.CodeRule.EVERYONE or enterprise.code_rule_since is None:
        return False
    will_join = member.status == Member.Status.PENDING and member.joined_at is None
    joined_at = timezone.now() if will_join else member.joined_at or member.created_at
    return is_mainland(member.phone) and joined_at >= enterprise.code_rule_since


def may_enter_by_code(member: Member, *, browser: str) -> bool:
    """Whether a phone code lets this active member in, in the browser with this secret. Who was never inside, for an
    administrator let them join, has nothing yet to scan with."""
    if not must_scan(member) or member.last_entered_at is None:
        return True
    return member.user is not None and is_known_browser(member.user, member.enterprise, browser=browser)
