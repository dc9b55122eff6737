"""What invitations provides to the apps below it, which cannot import it."""

from __future__ import annotations

from accounts.sign_in.session_keys import register_personal_keys
from invitations.applications.browser_state import CONSENT_KEY, PROOF_KEY


def register() -> None:
    """Called once all models are loaded."""
    register_personal_keys(PROOF_KEY, CONSENT_KEY)
