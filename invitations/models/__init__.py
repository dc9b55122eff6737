"""How people outside the directory join: the settings, join links, applications and invitation batches."""

from invitations.models.applications import Application, Decision, DecisionItem
from invitations.models.batches import InvitationBatch, QuietHours, Recipient
from invitations.models.links import JoinLink, JoinSettings, PrivacyNotice

__all__ = [
    "Application",
    "Decision",
    "DecisionItem",
    "InvitationBatch",
    "JoinLink",
    "JoinSettings",
    "PrivacyNotice",
    "QuietHours",
    "Recipient",
]
