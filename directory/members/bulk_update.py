"""Edit members of one enterprise, one or many, in a fixed number of statements."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.audit.recording import Record, RecordedChange
from accounts.models import Enterprise, User
from accounts.sign_in.known_browsers import forget_browsers
from accounts.sign_in.sessions import end_sessions
from core.bulk_sql import delete_rows, insert_rows, update_rows
from directory.departments.member_counts import add_to_counts
from directory.joining.activation_codes import revoke_codes
from directory.joining.invitations import revoke_invitations
from directory.members.conflicts import Conflict
from directory.members.data import COLUMNS, Labels, MemberData, departments_of_data, labels_of, read_data
from directory.members.search_keys import Keys, other_readings
from directory.models import Address, Department, Member, Membership, Reading

# Only these: joining and entering write other columns of the row at the same time.
WRITTEN = {*COLUMNS, "main_department", "status", "invited_at", "user", *Keys._fields}
WRITTEN_COLUMNS = [field.attname for field in Member._meta.concrete_fields if field.name in WRITTEN]
_written_values = attrgetter(*WRITTEN_COLUMNS)


@dataclass(slots=True)
class Edit:
    """The change of one member's data; `errors` say what prevents it."""

    member: Member
    before: MemberData
    after: MemberData
    errors: list[Conflict] = field(default_factory=list)


def read_members(enterprise: Enterprise, ids: Collection[int]) -> dict[int, tuple[Member, MemberData]]:
    """Return the members who are in the directory, with their data, by id. Three queries."""
    found = Member.objects.present().filter(enterprise=enterprise, pk__in=ids)
    members = list(found.select_related("user", "main_department"))
    for member in members:
        member.enterprise = enterprise
    data = read_data(members)
    return {member.pk: (member, data[member.pk]) for member in members}


def refuse_taken_logins(edits: Iterable[Edit], labels: Labels) -> None:
    """Add an error to each edit that would give its user the login of another one."""
    wanted = {_login_of(edit.after, labels): edit for edit in edits if not edit.errors and _keeps_login(edit)}
    for login, user in User.objects.filter(login__in=wanted).values_list("login", "pk"):
        edit = wanted[str(login)]
        if user != edit.member.user_id:
            error = ValidationError(_("%(address)s is already used as a login."), params={"address": login})
            edit.errors.append(("prefix", error))


def edit_members(edits: Sequence[Edit], *, record: Record) -> None:
    """Write the edits and an event for each, in the caller's `recording` and in a transaction of their own.

    Only members who must join again cost statements of their own. Raises IntegrityError.
    """
    named = [data for edit in edits for data in (edit.before, edit.after)]
    departments = departments_of_data(record.enterprise, *named)
    labels = labels_of(record.enterprise, departments)
    _change_logins(edits, labels)
    _write_members(edits)
    _write_readings([edit.member for edit in edits])
    _write_departments(edits, departments)
    _write_addresses([edit for edit in edits if edit.before.addresses != edit.after.addresses])
    events = [RecordedChange(edit.member, edit.before.to_audit(labels), edit.after.to_audit(labels)) for edit in edits]
    record.each("member_edited", events)


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


def _login_of(data: MemberData, labels: Labels) -> str:
    return labels.address(data.prefix, data.domain).lower()


def _keeps_login(edit: Edit) -> bool:
    return edit.member.has_user_by_code and not requires_rejoin(edit.member, edit.after)


def _change_logins(edits: Iterable[Edit], labels: Labels) -> None:
    kept = [(edit.member.user, _login_of(edit.after, labels)) for edit in edits if _keeps_login(edit)]
    update_rows(User, ("login",), [(user.pk, login) for user, login in kept if user and user.login != login])


def _write_members(edits: Sequence[Edit]) -> None:
    stored = [_columns(edit.member) for edit in edits]
    unlink_users(*(edit.member for edit in edits if requires_rejoin(edit.member, edit.after)))
    for edit in edits:
        edit.after.assign_to(edit.member)
    rows = [(edit.member.pk, *_columns(edit.member)) for edit in edits]
    update_rows(Member, WRITTEN_COLUMNS, [row for row, old in zip(rows, stored, strict=True) if row[1:] != old])


def _columns(member: Member) -> tuple[Any, ...]:
    # A status that was just assigned is an enumeration's member.
    member.status = str(member.status)
    values: tuple[Any, ...] = _written_values(member)
    return values


def _write_readings(members: Sequence[Member]) -> None:
    stored: dict[int, list[tuple[str, str]]] = defaultdict(list)
    found = Reading.objects.filter(member__in=members).order_by("pk")
    for member, pinyin, initials in found.values_list("member", "pinyin", "initials"):
        stored[member].append((pinyin, initials))
    renamed = [member for member in members if stored.get(member.pk, []) != other_readings(member.name)]
    delete_rows(Reading, "member_id", [one.pk for one in renamed])
    insert_rows(
        Reading,
        ("enterprise_id", "member_id", "pinyin", "initials"),
        ((one.enterprise_id, one.pk, *reading) for one in renamed for reading in other_readings(one.name)),
    )


def _write_departments(edits: Iterable[Edit], departments: Mapping[int, Department]) -> None:
    moved: Counter[int] = Counter()
    left: set[tuple[int, int]] = set()
    entered: list[tuple[int, int]] = []
    for edit in edits:
        before, after = edit.before.departments, edit.after.departments
        if before != after:
            left |= {(edit.member.pk, id) for id in before if id not in after}
            entered += [(edit.member.pk, id) for id in after if id not in before]
            moved.update(_ids_above(after, departments))
            moved.subtract(_ids_above(before, departments))
    found = Membership.objects.filter(member__in={member for member, _department in left})
    rows = found.values_list("pk", "member", "department")
    delete_rows(Membership, "id", [pk for pk, *membership in rows if tuple(membership) in left])
    insert_rows(Membership, ("member_id", "department_id"), entered)
    add_to_counts(moved)


def _ids_above(ids: Iterable[int], departments: Mapping[int, Department]) -> set[int]:
    return {pk for id in ids for pk in departments[id].ids_above}


def _write_addresses(edits: Sequence[Edit]) -> None:
    """Replace all addresses of these members: an alias may become the mailbox."""
    delete_rows(Address, "member_id", [edit.member.pk for edit in edits])
    insert_rows(
        Address,
        ("enterprise_id", "domain_id", "local", "purpose", "member_id", "held_for"),
        (
            (
                edit.member.enterprise_id, domain, local,
                (Address.Purpose.ALIAS if index else Address.Purpose.PRIMARY).value, edit.member.pk, "",
            )
            for edit in edits
            for index, (local, domain) in enumerate(edit.after.addresses)
        ),
    )  # fmt: skip
