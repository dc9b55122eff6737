"""What the directory's part of the audit log is called (accounts.audit_words)."""

from django.utils.translation import gettext_lazy as _

from accounts.access import Permission
from accounts.audit_words import Target, Words
from directory.models import Member

WORDS = Words(
    groups={
        "administrators": _("Administrators"),
        "members": _("Members"),
        "invitations": _("Invitations and joining"),
        "imports": _("Imports"),
        "departments": _("Departments"),
        "domains": _("Mail domains"),
    },
    actions={
        "sign_in": {"signed_in": _("Signed in")},
        "enterprise": {"enterprise_opened": _("Opened the enterprise")},
        "administrators": {
            "administrator_appointed": _("Appointed an administrator"),
            "administrator_changed": _("Changed an administrator's role"),
            "administrator_removed": _("Removed an administrator"),
        },
        "members": {
            "member_created": _("Created a member"),
            "member_edited": _("Edited a member"),
            "member_disabled": _("Disabled a member"),
            "member_enabled": _("Enabled a member"),
            "member_deleted": _("Deleted a member"),
            "members_deleted": _("Deleted members"),
            "member_restored": _("Restored a member"),
            "members_restored": _("Restored members"),
            "members_purged": _("Purged members from the bin"),
            "demo_members_added": _("Added demo members"),
        },
        "invitations": {
            "invitation_sent": _("Sent an invitation"),
            "invitations_sent": _("Sent invitations"),
            "activation_codes_minted": _("Made activation codes"),
            "member_joined": _("Joined"),
            "way_back_sent": _("Sent a link to come back"),
            "member_returned": _("Came back"),
            "member_password_chosen": _("Chose a new password"),
        },
        "imports": {
            "import_started": _("Started an import"),
            "import_finished": _("Import done"),
            "import_failed": _("Import failed"),
            "import_cancelled": _("Cancelled an import"),
            "import_undone": _("Undid an import"),
        },
        "departments": {
            "department_added": _("Added a department"),
            "department_renamed": _("Renamed a department"),
            "department_deleted": _("Deleted a department"),
        },
        "domains": {"domain_added": _("Added a mail domain"), "domain_edited": _("Edited a mail domain")},
    },
    targets={
        "member": Target(_("Member"), "directory:member_detail"),
        "department": Target(_("Department")),
        "domain": Target(_("Mail domain"), "directory:domain_edit", Permission.MANAGE_SETTINGS),
        "import": Target(_("Import"), "directory:import_detail", Permission.READ),
    },
    facts={
        "department.name": _("Department name"),
        "domain.name": _("Mail domain"),
        "account": _("Account"),
        "address": _("Address"),
        "phone": _("Phone"),
        "departments": _("Departments"),
        "main_department": _("Main department"),
        "position": _("Position"),
        "activation": _("Activation"),
        "status": _("Status"),
        "aliases": _("Aliases"),
        "parent": _("Belongs to"),
        "members": _("Members"),
        "file": _("File"),
        "create": _("To create"),
        "update": _("To update"),
        "read": _("Read"),
        "created": _("Created"),
        "updated": _("Updated"),
        "unchanged": _("Unchanged"),
        "refused": _("Refused"),
        "left_out": _("Left out"),
        "not_reached": _("Not reached"),
        "undone": _("Undone"),
        "kept": _("Kept"),
        "is_default": _("Default domain"),
        "webmail_url": _("Webmail address"),
        "imap": _("IMAP server"),
        "smtp": _("SMTP server"),
    },
    values={"status": dict(Member.Status.choices), "activation": dict(Member.Activation.choices)},
)
