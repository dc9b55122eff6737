"""The texts for events of this app in the activity log."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.audit_log.vocabulary import Target, Words
from accounts.models import Enterprise, Role
from sms.models import Message

WORDS = Words(
    groups={"sign_in": _("Signing in"), "enterprise": _("Enterprise"), "audit": _("Audit log")},
    actions={
        "sign_in": {
            "sign_in_locked": _("Sign-in closed for a while"),
            "second_factor_failed": _("Second factor failed"),
            "recovery_code_used": _("Used a recovery code"),
            "password_changed": _("Changed the password"),
            "factor_added": _("Added a second factor"),
            "factor_renamed": _("Renamed a second factor"),
            "factor_removed": _("Removed a second factor"),
            "recovery_codes_made": _("Made new recovery codes"),
            "factors_reset": _("Reset the second factor"),
            "qr_scanned": _("Scanned a sign-in code"),
            "qr_approved": _("Approved a sign-in by QR code"),
            "qr_declined": _("Declined a sign-in by QR code"),
            "qr_mismatch": _("Chose the wrong number for a sign-in by QR code"),
            "device_confirmed": _("Confirmed a new device"),
            "weixin_bound": _("Bound WeChat"),
            "weixin_unbound": _("Unbound WeChat"),
            "device_signed_out": _("Signed a device out"),
            "signed_out_everywhere": _("Signed out everywhere"),
        },
        "enterprise": {
            "enterprise_edited": _("Changed the enterprise's settings"),
            "message_confirmed": _("Confirmed that a message arrived"),
        },
        "audit": {
            "audit_check_started": _("Verified the audit log"),
            "audit_exported": _("Exported the audit log"),
        },
    },
    targets={
        "enterprise": Target(_("Enterprise")),
        "user": Target(_("Person")),
        "role": Target(_("Administrator")),
        "qrsignin": Target(_("Sign-in code")),
        "message": Target(_("Message")),
    },
    facts={
        "name": _("Name"),
        "enterprise.name": _("Enterprise name"),
        "language": _("Language of messages"),
        "time_zone": _("Time zone"),
        "region": _("Phone region"),
        "code_rule": _("Who may sign in with a phone code"),
        "role": _("Role"),
        "method": _("Way of signing in"),
        "events": _("Events"),
        "filters": _("Filters"),
        "is_cut": _("Only the newest"),
        "kind": _("Kind"),
        "factors": _("Second factors"),
        "left": _("Left"),
        "ip": _("IP address"),
        "browser": _("Browser"),
        "try": _("Try"),
        "outcome": _("Outcome"),
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
            "weixin": _("WeChat"),
        },
        "kind": {"totp": _("Authenticator app"), "passkey": _("Passkey")},
        "outcome": dict(Message.State.choices),
    },
)
