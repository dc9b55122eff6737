"""The registrations of accounts."""

from __future__ import annotations

from accounts.audit_log.vocabulary import register_words
from accounts.audit_words import WORDS


def register() -> None:
    """Fill the registries. Called by `AppConfig.ready()`, because the imports above need all models loaded."""
    register_words(WORDS)
