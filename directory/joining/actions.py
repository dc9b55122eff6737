"""Join: make a member active, with the user of the phone number that the person verified."""

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
from directory.joining.invitations import ACTIVE, PURPOSE, subject_of
from directory.models import Invitation, Member
from sms.outbox.queue import cancel_messages


def join_member(
    member: Member, *, phone: str, by: Actor, link: Invitation | None = None, is_entering: bool = True
) -> User:
    """Make the member active and give them the user of this verified E.164 number, found or created.

    A member who was absent for ENTRY_DAYS returns in the same way by any open `link`; another active member, by a
    recovery link. `is_entering` is False if somebody else lets a new member join, who then has not entered yet. Raises
    ValidationError if the member, read again under the enterprise's lock, may not join with this number.
    """
    with recording(member.enterprise, by=by) as record:
        member.refresh_from_db()
        _check_may_join(member, phone, link)
        return activate_by_phone(member, record=record, is_entering=is_entering)


def activate_by_phone(member: Member, *, record: Record, is_entering: bool) -> User:
    """Make the member active with the user of their number, which was verified, in the transaction of `record`.

    Use up the open invitation, cancel its message, revoke the code. Raises ValidationError if the user is deactivated.
    """
    before = member.status
    Invitation.objects.filter(ACTIVE, member=member).update(used_at=timezone.now())
    cancel_messages(purpose=PURPOSE, subject=subject_of(member), reason=gettext_noop("The member has joined."))
    revoke_codes(member)
    user = _user_of(member)
    _reset_if_absent(user, record)
    activate(member, user, is_entering=is_entering)
    action = "member_returned" if before == Member.Status.ACTIVE else "member_joined"
    record(action, member, before={"status": before}, after={"status": member.status})
    return user


def activate(member: Member, user: User, *, is_entering: bool) -> None:
    """Save the member as active with this user; `is_entering` is explained at `join_member`."""
    now = timezone.now()
    member.last_entered_at = now if is_entering or member.joined_at else None
    member.user, member.status, member.joined_at = user, Member.Status.ACTIVE, member.joined_at or now
    member.save(update_fields=["user", "status", "joined_at", "last_entered_at"])


def _check_may_join(member: Member, phone: str, link: Invitation | None) -> None:
    if member.deleted_at or member.status == Member.Status.DISABLED:
        raise ValidationError(_("This membership is disabled. Contact the person who invited you."), code="closed")
    if member.phone != phone:
        text = _("The phone number on record has changed. Request a new link.")
        raise ValidationError(text, code="phone_changed")
    if member.status == Member.Status.ACTIVE and not _may_return(member, link):
        raise ValidationError(_("This invitation has been used. The member has already joined."), code="used")


def _may_return(member: Member, link: Invitation | None) -> bool:
    """Return True if the link is still open and lets an active member in: a recovery link, or any after ENTRY_DAYS."""
    if link is None:
        return False
    invitations = Invitation.objects.filter(ACTIVE, pk=link.pk, member=member)
    return invitations.exists() if is_long_absent(member) else invitations.filter(is_recovery=True).exists()


def _reset_if_absent(user: User, record: Record) -> None:
    """Delete what a previous owner of the number has set up, if the user has not entered anywhere for ENTRY_DAYS.

    Carriers reassign numbers. A user with a role keeps the second factor, or the number alone would open the console.
    """
    if not all(map(is_long_absent, active_members(user))):
        return
    forget_browsers(user)
    if delete_wechat_bindings(user):
        record("wechat_unbound", user)
    if not user.roles.exists() and (count := delete_factors(user)):
        record("factors_reset", user, before={"factors": count})


def _user_of(member: Member) -> User:
    new = {"name": member.name, "password": make_password(None)}
    user, _created = User.objects.get_or_create(phone=member.phone, defaults=new)
    if not user.is_active:
        raise ValidationError(_("This membership is disabled. Contact the person who invited you."), code="closed")
    return user
