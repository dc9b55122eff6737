"""Labels of this app's events in the audit log (accounts.audit_log.vocabulary)."""

from django.utils.translation import gettext_lazy as _

from accounts.audit_log.vocabulary import Target, Words
from accounts.permissions import Permission
from invitations.models import Application, Decision

WORDS = Words(
    groups={"applications": _("Applications"), "joining": _("Joining"), "batches": _("Notices")},
    actions={
        "applications": {
            "application_filed": _("Filed an application"),
            "application_withdrawn": _("Withdrew an application"),
            "application_edited": _("Edited an application"),
            "application_approved": _("Approved an application"),
            "application_rejected": _("Rejected an application"),
            "decision_opened": _("Decided on many applications"),
        },
        "joining": {
            "joining_edited": _("Changed the joining settings"),
            "join_link_reset": _("Reset the join link"),
            "join_link_added": _("Added a join link"),
            "join_link_edited": _("Edited a join link"),
            "join_link_revoked": _("Revoked a join link"),
        },
        "batches": {"batch_opened": _("Sent a notice"), "quiet_hours_set": _("Set the quiet hours")},
    },
    targets={
        "application": Target(_("Application"), "invitations:application_detail"),
        "joinlink": Target(_("Join link")),
        "decision": Target(_("Decision on many"), "invitations:decision_detail", Permission.READ),
        "batch": Target(_("Notice"), "invitations:batch_detail", Permission.READ),
    },
    facts={
        "joinlink.name": _("Name of the link"),
        "enabled": _("People outside the directory may join"),
        "approval_required": _("Needs approval"),
        "default_department": _("Default department"),
        "default_domain": _("Default domain"),
        "privacy_notice": _("Privacy notice"),
        "department": _("Department"),
        "domain": _("Mail domain"),
        "reason": _("Reason"),
        "expires_at": _("Expires"),
        "uses_max": _("Uses at most"),
        "invited_by": _("Invited by"),
        "state": _("State"),
        "from": _("From"),
        "until": _("Until"),
        "about": _("To whom"),
        "verdict": _("Decision"),
        "applications": _("Applications"),
    },
    values={"state": dict(Application.State.choices), "verdict": dict(Decision.Verdict.choices)},
)
