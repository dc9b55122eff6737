"""What invitations provides to the apps below it, which cannot import it."""

from __future__ import annotations

from accounts.audit_log.vocabulary import register_words
from accounts.sign_in.session_keys import register_personal_keys
from directory.enterprise import register_opening_step
from directory.joining.applicants import register_applicant_lookups
from directory.members.erasure import register_eraser
from invitations.access import addresses_applied_for
from invitations.applications.browser_state import CONSENT_KEY, PROOF_KEY
from invitations.audit_words import WORDS
from invitations.erasure import forget_members
from invitations.links.actions import open_joining
from invitations.links.settings import phones_waiting


def register() -> None:
    """Fill the registries. Called by `AppConfig.ready()`, because the imports above need all models loaded."""
    register_words(WORDS)
    register_personal_keys(PROOF_KEY, CONSENT_KEY)
    register_applicant_lookups(phones_waiting, addresses_applied_for)
    register_opening_step(open_joining)
    register_eraser(forget_members)
