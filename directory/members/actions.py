"""Create, edit, disable and enable members. Each action records an audit event under the enterprise's lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise
from accounts.sign_in.sessions import end_sessions
from directory.joining.activation_codes import revoke_codes
from directory.joining.invitations import revoke_invitations
from directory.members.bulk_insert import NewMember, insert_members
from directory.members.bulk_update import Edit, edit_members, refuse_taken_logins
from directory.members.conflicts import without_conflicts
from directory.members.data import MemberData, MemberInput, departments_of_data, labels_of
from directory.models import Member


def create_member(
    enterprise: Enterprise, *, by: Actor, origin: dict[str, Any] | None = None, **typed: Unpack[MemberInput]
) -> Member:
    """Create a pending member in the given departments, or in the root. Sends nothing.

    Raises ValidationError for invalid input, and for values that others hold (the message names the holder).
    """
    data = MemberData.from_input(enterprise, typed)
    with _as_field_errors(data, enterprise, by), recording(enterprise, by=by) as record:
        labels = labels_of(enterprise, departments_of_data(enterprise, data))
        data = without_conflicts(data, enterprise, labels, by=by)
        [id] = insert_members(enterprise, [NewMember(data, origin=json.dumps(origin or {"by": by.name}))])
        member = _reloaded(id)
        record("member_created", member, after=data.to_audit(labels))
    return member


def edit_member(member: Member, *, by: Actor, **typed: Unpack[MemberInput]) -> Member:
    """Replace all data of a member, as `change_member` does; missing keys take their defaults."""
    return change_member(member, MemberData.from_input(member.enterprise, typed), by=by)


def change_member(member: Member, data: MemberData, *, by: Actor) -> Member:
    """Replace all data of a member. Raises ValidationError.

    Another phone, or another way of activation, unlinks the user, ends their sessions here, forgets their browsers,
    revokes invitation and code, and makes an active member pending again. Members who joined by code keep their user
    with another phone, and sign in with their new address.
    """
    enterprise = member.enterprise
    with _as_field_errors(data, enterprise, by, member), recording(enterprise, by=by) as record:
        member = _reloaded(member.pk)
        if member.deleted_at:
            raise ValidationError(
                {"name": ValidationError(_("%(name)s is in the recycle bin."), params={"name": member.name})}
            )
        before = MemberData.from_member(member)
        labels = labels_of(enterprise, departments_of_data(enterprise, before, data))
        edit = Edit(member, before, without_conflicts(data, enterprise, labels, by=by, exclude=member))
        refuse_taken_logins([edit], labels)
        if edit.errors:
            raise ValidationError(dict(edit.errors))
        edit_members([edit], record=record)
    return member


def disable_member(member: Member, *, by: Actor) -> Member:
    """Disable a member, end their sessions in this enterprise and revoke their invitation and activation code."""
    disable_members(member.enterprise, [member.pk], by=by)
    return _reloaded(member.pk)


def disable_members(enterprise: Enterprise, ids: Sequence[int], *, by: Actor) -> int:
    """Disable many members in one transaction, except those already disabled or deleted. Return how many it was."""
    with recording(enterprise, by=by) as record:
        present = Member.objects.present().filter(enterprise=enterprise, pk__in=ids)
        chosen = present.exclude(status=Member.Status.DISABLED).select_related("enterprise", "user")
        members = list(chosen.order_by("pk"))
        Member.objects.filter(pk__in=[member.pk for member in members]).update(status=Member.Status.DISABLED)
        revoke_invitations(*members)
        revoke_codes(*members)
        end_sessions(*(member.user for member in members if member.user), enterprise=enterprise)
        if len(members) == 1:
            disabled = {"status": Member.Status.DISABLED}
            record("member_disabled", members[0], before={"status": members[0].status}, after=disabled)
        elif members:
            record("members_disabled", enterprise, after={"members": [member.pk for member in members]})
    return len(members)


def enable_member(member: Member, *, by: Actor) -> Member:
    """Make a disabled member active if their user still counts, or else pending: they join again."""
    enable_members(member.enterprise, [member.pk], by=by)
    return _reloaded(member.pk)


def enable_members(enterprise: Enterprise, ids: Sequence[int], *, by: Actor) -> int:
    """Enable many members in one transaction, except those not disabled. Return how many it was."""
    with recording(enterprise, by=by) as record:
        disabled = Member.objects.present().filter(enterprise=enterprise, status=Member.Status.DISABLED, pk__in=ids)
        members = list(disabled.select_related("user").order_by("pk"))
        for member in members:
            member.status = Member.Status.ACTIVE if member.has_joined_user else Member.Status.PENDING
        Member.objects.bulk_update(members, ["status"], batch_size=100)
        if len(members) == 1:
            before, after = {"status": Member.Status.DISABLED}, {"status": members[0].status}
            record("member_enabled", members[0], before=before, after=after)
        elif members:
            record("members_enabled", enterprise, after={"members": [member.pk for member in members]})
    return len(members)


def audit_snapshot(member: Member) -> dict[str, Any]:
    """Return a saved member as the audit log keeps one."""
    data = MemberData.from_member(member)
    return data.to_audit(labels_of(member.enterprise, departments_of_data(member.enterprise, data)))


@contextmanager
def _as_field_errors(
    data: MemberData, enterprise: Enterprise, by: Actor, exclude: Member | None = None
) -> Iterator[None]:
    """Turn an IntegrityError into the field errors of the conflict that caused it."""
    try:
        yield
    except IntegrityError:
        labels = labels_of(enterprise, departments_of_data(enterprise, data))
        without_conflicts(data, enterprise, labels, by=by, exclude=exclude)
        raise


def _reloaded(id: int) -> Member:
    return Member.objects.select_related("enterprise", "user", "main_department").get(pk=id)
