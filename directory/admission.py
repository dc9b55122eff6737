"""Admit a person who has verified a phone number: find or create their member, and let them join."""

from __future__ import annotations

from typing import Any, Unpack

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, Record
from accounts.models import Enterprise, Role
from directory.access import members_of
from directory.joining.actions import activate_by_phone
from directory.members.actions import create_member
from directory.members.data import MemberInput
from directory.models import Member


def member_with_phone(enterprise: Enterprise, phone: str) -> Member | None:
    """Return the member who has this E.164 number; those in the recycle bin do not count."""
    members = Member.objects.select_related("enterprise", "main_department")
    return members.filter(enterprise=enterprise, phone=phone, deleted_at=None).first()


def admit_person(record: Record, *, origin: dict[str, Any], is_entering: bool, **data: Unpack[MemberInput]) -> Member:
    """Let the person with `data["phone"]`, a verified E.164 number, join; return their member, who is active then.

    That is the member who has the number already and keeps all other data, else a new one created from `data`. All in
    the transaction of `record`, whose author is the one who admits; `is_entering` is explained at `join_member`.

    Raises ValidationError: for what `create_member` refuses, for a member who is disabled or out of the author's reach,
    and for a number whose user is deactivated.
    """
    member = member_with_phone(record.enterprise, data["phone"] or "")
    if member is None:
        member = create_member(record.enterprise, by=record.by, origin=origin, **data)
    else:
        _check_may_admit(member, record.by)
    if member.status == Member.Status.PENDING:
        activate_by_phone(member, record=record, is_entering=is_entering)
    return member


def _check_may_admit(member: Member, by: Actor) -> None:
    role = Role.objects.filter(user=by.user, enterprise=member.enterprise_id).first()
    if role and not members_of(role).filter(pk=member.pk).exists():
        raise ValidationError(_("This phone number belongs to a member outside your departments."))
    if member.status == Member.Status.DISABLED:
        words = _("This phone number belongs to %(name)s, who is disabled. Enable that member instead.")
        raise ValidationError(words, params={"name": member.name})
