from accounts.models.audit import AuditChain, AuditCheck, AuditEvent
from accounts.models.enterprise import Enterprise
from accounts.models.qr_sign_in import QrSignIn, ScannedSession, new_qr_number, new_qr_token
from accounts.models.sign_in import AttemptCounter, KnownBrowser
from accounts.models.users import LOGIN_MAX, Role, User, UserManager

__all__ = [
    "LOGIN_MAX",
    "AttemptCounter",
    "AuditChain",
    "AuditCheck",
    "AuditEvent",
    "Enterprise",
    "KnownBrowser",
    "QrSignIn",
    "Role",
    "ScannedSession",
    "User",
    "UserManager",
    "new_qr_number",
    "new_qr_token",
]
