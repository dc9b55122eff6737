"""Create, edit, disable and enable members. Each action records an audit event under the enterprise's lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor, recording
from accounts.models import Enterprise, User
from accounts.sign_in.known_browsers import forget_browsers
from accounts.sign_in.sessions import end_sessions
from directory.departments.member_counts import move_counts
from directory.joining.activation_codes import revoke_codes
from directory.joining.invitations import revoke_invitations
from directory.members.conflicts import without_conflicts
from directory.members.data import COLUMNS, MemberData, MemberInput, departments_of_data, labels_of
from directory.members.search_keys import Keys, other_readings
from directory.models import Address, Member, Membership, Reading

__all__ = [
    "WRITTEN", "audit_snapshot", "change_member", "create_member", "disable_member", "disable_members", "edit_member",
    "enable_member", "enable_members", "login_taken", "requires_rejoin", "unlink_users",
]  # fmt: skip

WRITTEN = (*COLUMNS, "main_department", "status", "invited_at", "user", *Keys._fields)


def create_member(
    enterprise: Enterprise, *, by: Actor, origin: dict[str, Any] | None = None, **typed: Unpack[MemberInput]
) -> Member:
    """Create a pending member in the given departments, or in the root. Sends nothing.

    Raises ValidationError for invalid input, and for values that others hold (the message names the holder).
    """
    data = MemberData.from_input(enterprise, typed)
    with _as_field_errors(data, enterprise, by), recording(enterprise, by=by) as record:
        departments = departments_of_data(enterprise, data)
        labels = labels_of(enterprise, departments)
        data = without_conflicts(data, enterprise, labels, by=by)
        member = Member(enterprise=enterprise, origin=origin or {"by": by.name})
        _write(member, data)
        move_counts(after=[departments[id] for id in data.departments])
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
        member = _reloaded(member)
        if member.deleted_at:
            raise ValidationError(
                {"name": ValidationError(_("%(name)s is in the recycle bin."), params={"name": member.name})}
            )
        before = MemberData.from_member(member)
        departments = departments_of_data(enterprise, before, data)
        labels = labels_of(enterprise, departments)
        data = without_conflicts(data, enterprise, labels, by=by, exclude=member)
        if requires_rejoin(member, data):
            unlink_users(member)
        elif member.user and member.has_user_by_code:
            _change_login(member.user, labels.address(data.prefix, data.domain))
        _write(member, data, before)
        left, entered = ([departments[id] for id in one.departments] for one in (before, data))
        move_counts(before=left, after=entered)
        record("member_edited", member, before=before.to_audit(labels), after=data.to_audit(labels))
    return member


def disable_member(member: Member, *, by: Actor) -> Member:
    """Disable a member, end their sessions in this enterprise and revoke their invitation and activation code."""
    disable_members(member.enterprise, [member.pk], by=by)
    return _reloaded(member)


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
    return _reloaded(member)


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


def unlink_users(*members: Member) -> None:
    """Unlink the members' users: end their sessions here, forget their browsers, revoke invitations and codes.

    Sets `user`, `status` and `invited_at` without saving. The caller holds the enterprise's lock.
    """
    revoke_invitations(*members)
    revoke_codes(*members)
    if users := [member.user for member in members if member.user]:
        end_sessions(*users, enterprise=members[0].enterprise)
        forget_browsers(*users, enterprise=members[0].enterprise)
    # A user made by a code belongs to this member alone, and their login is an address that others may get one day.
    made_by_code = [member.user for member in members if member.user and member.has_user_by_code]
    User.objects.filter(pk__in=[user.pk for user in made_by_code], roles=None).delete()
    for member in members:
        member.user = member.invited_at = None
        if member.status == Member.Status.ACTIVE:
            member.status = Member.Status.PENDING


def requires_rejoin(member: Member, data: MemberData) -> bool:
    """Return True if `data` makes the member another person than the one who joined or was invited."""
    return member.activation != data.activation or (member.phone != data.phone and not member.has_user_by_code)


def login_taken(login: str) -> ValidationError:
    return ValidationError(_("%(address)s is already used as a login."), params={"address": login})


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


def _reloaded(member: Member) -> Member:
    return Member.objects.select_related("enterprise", "user", "main_department").get(pk=member.pk)


def _change_login(user: User, login: str) -> None:
    """Change the login of a user who signs in with their address."""
    login = login.lower()
    if User.objects.filter(login=login).exclude(pk=user.pk).exists():
        raise ValidationError({"prefix": login_taken(login)})
    User.objects.filter(pk=user.pk).update(login=login)


def _write(member: Member, data: MemberData, before: MemberData | None = None) -> None:
    data.assign_to(member)
    # Only these: joining and entering write other columns of the row at the same time.
    member.save(update_fields=WRITTEN if member.pk else None)
    _write_readings(member)
    _write_departments(member, data)
    if not before or before.addresses != data.addresses:
        _write_addresses(member, data)


def _write_readings(member: Member) -> None:
    member.readings.all().delete()
    Reading.objects.bulk_create(
        Reading(enterprise=member.enterprise, member=member, **reading._asdict())
        for reading in other_readings(member.name)
    )


def _write_departments(member: Member, data: MemberData) -> None:
    member.memberships.exclude(department__in=data.departments).delete()
    present = set(member.memberships.values_list("department", flat=True))
    Membership.objects.bulk_create(
        Membership(member=member, department_id=id) for id in data.departments if id not in present
    )


def _write_addresses(member: Member, data: MemberData) -> None:
    """Replace all addresses: an alias may become the mailbox."""
    member.addresses.all().delete()
    Address.objects.bulk_create(
        Address(
            enterprise=member.enterprise,
            domain_id=domain,
            local=local,
            purpose=Address.Purpose.ALIAS if index else Address.Purpose.PRIMARY,
            member=member,
        )
        for index, (local, domain) in enumerate(data.addresses)
    )
