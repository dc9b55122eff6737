"""What directory provides to the apps below it, which cannot import it."""

from __future__ import annotations

from accounts.sign_in.session_keys import register_personal_keys
from directory.entry.phone_lookup import count_members
from directory.joining.activation import SESSION_KEY
from sms.codes.member_counts import register_member_counter


def register() -> None:
    """Called once all models are loaded."""
    register_member_counter(count_members)
    register_personal_keys(SESSION_KEY)
