"""What directory provides to the apps below it, which cannot import it."""

from __future__ import annotations

from accounts.audit_log.vocabulary import register_words
from accounts.sign_in.session_keys import register_personal_keys
from directory.audit_words import WORDS
from directory.entry.phone_lookup import count_members
from directory.joining.activation import SESSION_KEY
from sms.codes.member_counts import register_member_counter


def register() -> None:
    """Fill the registries. Called by `AppConfig.ready()`, because the imports above need all models loaded."""
    register_member_counter(count_members)
    register_words(WORDS)
    register_personal_keys(SESSION_KEY)
