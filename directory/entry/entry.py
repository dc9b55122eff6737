"""Which enterprises a person may enter, which restrictions apply to their session, and entering one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.audit.recording import recording
from accounts.clients import browser_secret
from accounts.models import Enterprise, Role, User
from accounts.requests import PublicRequest
from accounts.sign_in.sessions import PHONELESS_METHODS, current_enterprise, enter_enterprise, proven_phone
from accounts.wechat.bindings import bind_stored_proof
from directory.entry.code_rule import may_enter_by_code
from directory.models import Invitation, Member

# Sign-in methods that the enterprise's rule on phone codes accepts; any other stands for no more than a code.
EXEMPT_FROM_CODE_RULE = {"password", "passkey", "qr", "wechat", "invitation"}
PROVE_A_PHONE = {"code", "invitation"}


@dataclass
class EnterpriseAccess:
    """A person's access to one enterprise: as a member, by a role, or both.

    `needs_link`: the access is dormant, only a fresh personal link lets the person in again. `needs_scan`: the
    enterprise's rule does not accept the phone code that opened this session; `link` is the personal link that was sent
    because of it, if the page asked.
    """

    enterprise: Enterprise
    member: Member | None = None
    role: Role | None = None
    needs_link: bool = False
    needs_scan: bool = False
    link: Invitation | None = None

    @property
    def is_allowed(self) -> bool:
        """True if this session may enter now."""
        return not (self.needs_link or self.needs_scan)

    def is_dormant(self, method: str | None) -> bool:
        """Return True if it was unused for so long that the phone number may belong to somebody else by now.

        Whatever the number has created since, such as a passkey, is then not trusted either. A role without a member
        keeps its own passkey, because no phone number created it.
        """
        if self.member:
            return method != "password" and self.member.phone is not None and is_long_absent(self.member)
        if method in PHONELESS_METHODS or self.role is None or self.role.last_entered_at is None:
            return False
        return self.role.last_entered_at <= timezone.now() - timedelta(days=settings.ENTRY_DAYS)


@dataclass(frozen=True)
class SessionAccess:
    """What the person behind a session has access to, restricted or not, and the memberships they may still join."""

    enterprises: list[EnterpriseAccess]
    joinable: list[Member]

    @property
    def is_scan_only(self) -> bool:
        """True if there is nothing the person can do but scan."""
        return bool(self.enterprises) and not self.joinable and all(access.needs_scan for access in self.enterprises)


def session_access(request: PublicRequest) -> SessionAccess:
    """Return the access of the person behind this session with its restrictions, by the enterprise's name.

    Joining takes a phone proven by code in this very session: a password or a passkey proves no phone, and neither does
    a WeChat, which may have been bound when the number was another's, nor a scan that any of them approved.
    """
    method = request.session.get("method")
    phone = proven_phone(request) if not method or method in PROVE_A_PHONE else None
    enterprises = user_access(request.user) if isinstance(request.user, User) else []
    for access in enterprises:
        access.needs_link = access.is_dormant(method)
        access.needs_scan = access.member is not None and _is_barred_by_code_rule(request, access.member)
    return SessionAccess(enterprises, list(joinable_members(phone)) if phone else [])


def user_access(user: User) -> list[EnterpriseAccess]:
    """Return every enterprise in which `user` is an active member or has a role, by name, without restrictions."""
    found = {member.enterprise_id: EnterpriseAccess(member.enterprise, member) for member in active_members(user)}
    for role in Role.objects.filter(user=user).select_related("enterprise"):
        found.setdefault(role.enterprise_id, EnterpriseAccess(role.enterprise)).role = role
    return sorted(found.values(), key=lambda access: (access.enterprise.name, access.enterprise.pk))


def enter(request: PublicRequest, access: EnterpriseAccess) -> None:
    """Carry the session into the enterprise and record it. The caller has checked `access.is_allowed`."""
    with recording(access.enterprise, by=request.actor) as record:
        if access.member:
            Member.objects.filter(pk=access.member.pk).update(last_entered_at=timezone.now())
        if access.role:
            Role.objects.filter(pk=access.role.pk).update(last_entered_at=timezone.now())
        record(
            "signed_in",
            access.member or (access.role.user if access.role else access.enterprise),
            after={"method": request.session["method"]},
        )
    enter_enterprise(request, access.enterprise)
    bind_stored_proof(request, access.enterprise)


def enter_after_joining(request: PublicRequest, member: Member) -> None:
    """Enter the enterprise that the person has just joined, unless the sign-in has entered it already."""
    if request.session.get("enterprise") != member.enterprise_id:
        enter(request, EnterpriseAccess(member.enterprise, member))


def active_members(user: User) -> QuerySet[Member]:
    """Return the memberships by which `user` may act: active, not in the bin, and with the user's own phone.

    A user created by an activation code has no phone; their members must still be activated by code.
    """
    by_code = Q(user__phone=None, activation=Member.Activation.CODE)
    members = Member.objects.filter(Q(phone=F("user__phone")) | by_code, user=user)
    return members.filter(status=Member.Status.ACTIVE, deleted_at=None).select_related("enterprise", "user")


def joinable_members(phone: str) -> QuerySet[Member]:
    """Return the pending members with this E.164 number, in every enterprise."""
    members = Member.objects.filter(phone=phone, status=Member.Status.PENDING, deleted_at=None)
    return members.select_related("enterprise").order_by("enterprise__name", "pk")


def member_of(request: PublicRequest) -> Member | None:
    """Read the member that this session acts as; None once it is disabled, unlinked or deleted."""
    enterprise = current_enterprise(request)
    if enterprise is None or not isinstance(request.user, User):
        return None
    return active_members(request.user).filter(enterprise=enterprise).first()


def role_of(request: PublicRequest) -> Role | None:
    """Read the role that this session could act in."""
    enterprise = current_enterprise(request)
    if enterprise is None or not isinstance(request.user, User):
        return None
    return Role.objects.filter(user=request.user, enterprise=enterprise).first()


def is_long_absent(member: Member) -> bool:
    """Return True if the member last entered ENTRY_DAYS ago or earlier: by then a number may have a new owner."""
    last = member.last_entered_at or member.joined_at or member.created_at
    return last <= timezone.now() - timedelta(days=settings.ENTRY_DAYS)


def _is_barred_by_code_rule(request: PublicRequest, member: Member) -> bool:
    if request.session.get("method") in EXEMPT_FROM_CODE_RULE:
        return False
    return not may_enter_by_code(member, browser=browser_secret(request))
