"""Joining: a member's way from pending to active, taken by whoever proved the phone on record."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.audit.recording import Actor, Record, recording
from accounts.models import User
from accounts.second_factor.factors import delete_factors
from accounts.sign_in.known_browsers import forget_browsers
from accounts.wechat.bindings import delete_wechat_bindings
from directory.entry.entry import active_members, is_long_absent
from directory.joining.activation_codes import revoke_codes
from directory.joining.invitations import LIVING, PURPOSE, subject_of
from directory.models import Invitation, Member
from sms.outbox.queue import cancel_messages


def join_member(
    member: Member, *, phone: str, by: Actor, link: Invitation | None = None, is_inside: bool = True
) -> User:
    """Make the member active and give them the user of this proven E.164 phone, found or made; all or nothing.

    Their living link is used up and a waiting one is never sent. A member who was away for ENTRY_DAYS comes back the
    same way, and so does one who joined already, by a `link` that leads back. `is_inside`: the person does it
    themselves and goes in at once; else a new member has not been inside yet. Raises ValidationError when the member,
    read under the enterprise's lock, may not join with this phone.
    """
    with recording(member.enterprise, by=by) as record:
        member.refresh_from_db()
        _refuse_if_closed(member, phone, link)
        before = member.status
        now = timezone.now()
        member.user = _user_of(phone, name=member.name)
        _begin_anew(member.user, record)
        member.status = Member.Status.ACTIVE
        member.last_entered_at = now if is_inside or member.joined_at else None
        member.joined_at = member.joined_at or now
        member.save(update_fields=["user", "status", "joined_at", "last_entered_at"])
        Invitation.objects.filter(LIVING, member=member).update(used_at=now)
        cancel_messages(purpose=PURPOSE, subject=subject_of(member), reason=gettext_noop("The member has joined."))
        revoke_codes(member)
        action = "member_returned" if before == Member.Status.ACTIVE else "member_joined"
        record(action, member, before={"status": before}, after={"status": member.status})
    return member.user


def _refuse_if_closed(member: Member, phone: str, link: Invitation | None) -> None:
    if member.deleted_at or member.status == Member.Status.DISABLED:
        raise ValidationError(_("This membership is closed. Please ask whoever invited you."), code="closed")
    if member.phone != phone:
        text = _("The phone number on record has changed. Please ask for a fresh link.")
        raise ValidationError(text, code="phone_changed")
    if member.status == Member.Status.ACTIVE and not _leads_back(link, member):
        raise ValidationError(_("This invitation has been used: the member has joined already."), code="used")


def _begin_anew(user: User, record: Record) -> None:
    """Numbers are given to new people: who is inside nowhere any more starts without the WeChat, the factors and the
    known browsers of whoever had the number before. Who has a role keeps the factors, or the number alone would open
    the console."""
    if all(map(is_long_absent, active_members(user))):
        forget_browsers(user)
        if delete_wechat_bindings(user):
            record("weixin_unbound", user)
        if not user.roles.exists() and (count := delete_factors(user)):
            record("factors_reset", user, before={"factors": count})


def _leads_back(link: Invitation | None, member: Member) -> bool:
    """Whether the link, read afresh, is still to be used, once, like any other: sent for the purpose, or to a member
    away for ENTRY_DAYS, whom nothing but a personal link lets in again."""
    living = Invitation.objects.filter(LIVING, pk=link.pk, member=member) if link else Invitation.objects.none()
    return living.exists() if is_long_absent(member) else living.filter(is_recovery=True).exists()


def _user_of(phone: str, *, name: str) -> User:
    new = {"name": name, "password": make_password(None)}
    user, _created = User.objects.get_or_create(phone=phone, defaults=new)
    if not user.is_active:
        raise ValidationError(_("This membership is closed. Please ask whoever invited you."), code="closed")
    return user
