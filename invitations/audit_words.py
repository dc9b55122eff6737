"""Labels of this app's events in the audit log (accounts.audit_log.vocabulary)."""

from django.utils.translation import gettext_lazy as _

from accounts.audit_log.vocabulary import Target, Words
from accounts.permissions import Permission
from invitations.models import Application, Decision
from invitations.models.batches import CHOSEN_BY

WORDS = Words(
    groups={"applications": _("Join requests"), "joining": _("Join settings"), "batches": _("Invitations")},
    actions={
        "applications": {
            "application_filed": _("Sent a join request"),
            "application_withdrawn": _("Withdrew a join request"),
            "application_edited": _("Edited a join request"),
            "application_approved": _("Approved a join request"),
            "application_rejected": _("Rejected a join request"),
            "applications_exported": _("Downloaded join requests"),
            "applications_erased": _("Erased old join requests"),
            "decision_opened": _("Reviewed several join requests"),
        },
        "joining": {
            "joining_edited": _("Changed the join settings"),
            "join_link_reset": _("Reset the join link"),
            "join_link_added": _("Added a join link"),
            "join_link_edited": _("Edited a join link"),
            "join_link_revoked": _("Revoked a join link"),
        },
        "batches": {
            "batch_opened": _("Sent invitations to several members"),
            "quiet_hours_set": _("Set the quiet hours"),
        },
    },
    targets={
        "application": Target(_("Join request"), "invitations:application_detail"),
        "joinlink": Target(_("Join link")),
        "decision": Target(_("Bulk review"), "invitations:decision_detail", Permission.READ),
        "batch": Target(_("Invitation batch"), "invitations:batch_detail", Permission.READ),
    },
    facts={
        "joinlink.name": _("Link name"),
        "enabled": _("People not in the directory may join"),
        "approval_required": _("Requires approval"),
        "default_department": _("Default department"),
        "default_domain": _("Default domain"),
        "privacy_notice": _("Privacy notice"),
        "department": _("Department"),
        "domain": _("Mail domain"),
        "reason": _("Reason"),
        "expires_at": _("Expires"),
        "uses_max": _("Maximum uses"),
        "invited_by": _("Invited by"),
        "state": _("Status"),
        "from": _("From"),
        "until": _("Until"),
        "about": _("Recipients"),
        "chosen_by": _("Recipients"),
        "verdict": _("Decision"),
        "applications": _("Join requests"),
        "rejected": _("Rejected"),
        "withdrawn": _("Withdrawn"),
    },
    values={
        "chosen_by": CHOSEN_BY,
        "state": dict(Application.State.choices),
        "verdict": dict(Decision.Verdict.choices),
    },
)
