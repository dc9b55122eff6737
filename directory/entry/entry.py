"""The ways a proven person has into an enterprise, and taking one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.audit.recording import recording
from accounts.clients import browser_of
from accounts.models import Enterprise, Role, User
from accounts.requests import PublicRequest
from accounts.sign_in.sessions import PROVE_NO_PHONE, current_enterprise, enter_enterprise, proven_phone
from accounts.wechat.bindings import bind_carried
from directory.entry.code_rule import may_enter_by_code
from directory.models import Invitation, Member

# What passes the enterprise's rule on phone codes; every other session stands for no more than a code.
BEYOND_THE_RULE = {"password", "passkey", "qr", "weixin", "invitation"}
PROVE_A_PHONE = {"code", "invitation"}


@dataclass
class Way:
    """One enterprise open to a person: as a member, by a role, or both.

    `needs_link`: so much time has passed that only a fresh personal link lets the person in again. `needs_scan`: by
    the enterprise's rule the phone code that opened this session does not lead in here; `link` is the personal one
    that was sent because of it, if the page asked.
    """

    enterprise: Enterprise
    member: Member | None = None
    role: Role | None = None
    needs_link: bool = False
    needs_scan: bool = False
    link: Invitation | None = None

    @property
    def is_free(self) -> bool:
        return not (self.needs_link or self.needs_scan)


@dataclass(frozen=True)
class WaysIn:
    """What a proven person may enter, and the memberships they may still join."""

    open: list[Way]
    joinable: list[Member]

    @property
    def is_scan_only(self) -> bool:
        """Nothing is left but to scan."""
        return bool(self.open) and not self.joinable and all(way.needs_scan for way in self.open)


def ways_in(request: PublicRequest) -> WaysIn:
    """All ways of the person behind this session, by the enterprise's name.

    Joining takes a phone proven by code in this very session: a password or a passkey proves no phone, and neither does
    a WeChat, which may have been bound when the number was another's, nor a scan that any of them approved.
    """
    method = request.session.get("method")
    phone = proven_phone(request) if not method or method in PROVE_A_PHONE else None
    ways = open_ways(request.user) if isinstance(request.user, User) else []
    for way in ways:
        way.needs_link = _is_cold(way, method)
        way.needs_scan = way.member is not None and _is_ruled_out(request, way.member)
    return WaysIn(open=ways, joinable=list(joinable_members(phone)) if phone else [])


def open_ways(user: User) -> list[Way]:
    """Return every enterprise in which `user` is an active member or has a role, by name; nothing is restricted yet."""
    ways = {member.enterprise_id: Way(member.enterprise, member=member) for member in active_members(user)}
    for role in Role.objects.filter(user=user).select_related("enterprise"):
        ways.setdefault(role.enterprise_id, Way(role.enterprise)).role = role
    return sorted(ways.values(), key=lambda way: (way.enterprise.name, way.enterprise.pk))


def enter(request: PublicRequest, way: Way) -> None:
    """Let the session carry the way's enterprise; the caller has made sure that this way is open."""
    with recording(way.enterprise, by=request.actor) as record:
        if way.member:
            Member.objects.filter(pk=way.member.pk).update(last_entered_at=timezone.now())
        if way.role:
            Role.objects.filter(pk=way.role.pk).update(last_entered_at=timezone.now())
        record(
            "signed_in",
            way.member or (way.role.user if way.role else way.enterprise),
            after={"method": request.session["method"]},
        )
    enter_enterprise(request, way.enterprise)
    bind_carried(request, way.enterprise)


def enter_as(request: PublicRequest, member: Member) -> None:
    """Enter the enterprise the person has just joined, unless the sign-in has led there by itself."""
    if request.session.get("enterprise") != member.enterprise_id:
        enter(request, Way(member.enterprise, member=member))


def active_members(user: User) -> QuerySet[Member]:
    """The memberships of a user that count: active, not in the bin, and both phones still equal; or, of a user whom an
    activation code made and who has no phone, still activated by code."""
    by_code = Q(user__phone=None, activation=Member.Activation.CODE)
    members = Member.objects.filter(Q(phone=F("user__phone")) | by_code, user=user)
    return members.filter(status=Member.Status.ACTIVE, deleted_at=None).select_related("enterprise", "user")


def joinable_members(phone: str) -> QuerySet[Member]:
    """The memberships that wait for whoever proved this E.164 number, in every enterprise."""
    members = Member.objects.filter(phone=phone, status=Member.Status.PENDING, deleted_at=None)
    return members.select_related("enterprise").order_by("enterprise__name", "pk")


def member_of(request: PublicRequest) -> Member | None:
    """The membership this session acts in, read afresh: none once it is disabled, unlinked or deleted."""
    enterprise = current_enterprise(request)
    if enterprise is None or not isinstance(request.user, User):
        return None
    return active_members(request.user).filter(enterprise=enterprise).first()


def role_of(request: PublicRequest) -> Role | None:
    """The role this session could act in, read afresh."""
    enterprise = current_enterprise(request)
    if enterprise is None or not isinstance(request.user, User):
        return None
    return Role.objects.filter(user=request.user, enterprise=enterprise).first()


def is_long_absent(member: Member) -> bool:
    """Whether the member was last inside ENTRY_DAYS ago or longer: numbers are given to new people."""
    last = member.last_entered_at or member.joined_at or member.created_at
    return last <= timezone.now() - timedelta(days=settings.ENTRY_DAYS)


def _is_cold(way: Way, method: str | None) -> bool:
    """Whether nobody entered this way for so long that the number may be another's by now, and with it whatever else
    that number has made, a passkey too. A role's own passkey stays: no number made it."""
    if way.member:
        return method != "password" and way.member.phone is not None and is_long_absent(way.member)
    if method in PROVE_NO_PHONE or way.role is None or way.role.last_entered_at is None:
        return False
    return way.role.last_entered_at <= timezone.now() - timedelta(days=settings.ENTRY_DAYS)


def _is_ruled_out(request: PublicRequest, member: Member) -> bool:
    if request.session.get("method") in BEYOND_THE_RULE:
        return False
    return not may_enter_by_code(member, browser=browser_of(request))
