"""The texts for events of this app in the activity log."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.audit_log.vocabulary import Target, Words
from accounts.models import Enterprise, Role
from sms.models import Message

WORDS = Words(
    groups={"sign_in": _("Sign-in"), "enterprise": _("Enterprise"), "audit": _("Activity log")},
    actions={
        "sign_in": {
            "sign_in_locked": _("Sign-in temporarily locked"),
            "second_factor_failed": _("Second factor failed"),
            "recovery_code_used": _("Used a recovery code"),
            "password_changed": _("Changed the password"),
            "factor_added": _("Added a second factor"),
            "factor_renamed": _("Renamed a second factor"),
            "factor_removed": _("Removed a second factor"),
            "recovery_codes_made": _("Generated new recovery codes"),
            "factors_reset": _("Reset the second factor"),
            "qr_scanned": _("Scanned a sign-in QR code"),
            "qr_approved": _("Allowed a QR code sign-in"),
            "qr_declined": _("Denied a QR code sign-in"),
            "qr_mismatch": _("Chose the wrong number for a QR code sign-in"),
            "device_confirmed": _("Confirmed a new device"),
            "wechat_bound": _("Linked WeChat"),
            "wechat_unbound": _("Unlinked WeChat"),
            "device_signed_out": _("Signed out a device"),
            "signed_out_everywhere": _("Signed out everywhere"),
        },
        "enterprise": {
            "enterprise_edited": _("Changed the enterprise settings"),
            "message_confirmed": _("Confirmed that an SMS arrived"),
        },
        "audit": {
            "audit_check_started": _("Verified the activity log"),
            "audit_exported": _("Exported the activity log"),
            "personal_data_erased": _("Erased personal data from the activity log"),
        },
    },
    targets={
        "enterprise": Target(_("Enterprise")),
        "user": Target(_("User")),
        "role": Target(_("Administrator")),
        "qrsignin": Target(_("Sign-in QR code")),
        "message": Target(_("SMS")),
    },
    facts={
        "name": _("Name"),
        "enterprise.name": _("Enterprise name"),
        "language": _("SMS language"),
        "time_zone": _("Time zone"),
        "region": _("Phone number region"),
        "code_rule": _("Who can sign in with a phone code"),
        "role": _("Role"),
        "method": _("Sign-in method"),
        "events": _("Activity"),
        "filters": _("Filters"),
        "is_cut": _("Newest only"),
        "kind": _("Type"),
        "factors": _("Second factors"),
        "left": _("Remaining"),
        "ip": _("IP address"),
        "browser": _("Browser"),
        "try": _("Attempt"),
        "outcome": _("Result"),
    },
    values={
        "language": dict(settings.LANGUAGES),
        "role": dict(Role.Name.choices),
        "code_rule": dict(Enterprise.CodeRule.choices),
        "method": {
            "password": _("Password"),
            "passkey": _("Passkey"),
            "code": _("Phone code"),
            "invitation": _("Invitation"),
            "qr": _("QR code"),
            "wechat": _("WeChat"),
        },
        "kind": {"totp": _("Authenticator app"), "passkey": _("Passkey")},
        "outcome": dict(Message.State.choices),
    },
)
