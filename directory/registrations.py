"""What directory provides to the apps below it, which cannot import it."""

from __future__ import annotations

from accounts.sign_in.session_keys import register_personal_keys
from directory.joining.activation import SESSION_KEY


def register() -> None:
    """Called once all models are loaded."""
    register_personal_keys(SESSION_KEY)
