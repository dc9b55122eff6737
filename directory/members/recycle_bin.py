"""The bin: a deleted member can be restored for MEMBER_BIN_DAYS (product.md, rule 9).

Address and account stay reserved for them; the phone is free at once. Everything runs under the enterprise's lock, so
that deleting and joining, or restoring and giving the phone to another member, can't interleave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Case, F, Value, When
from django.utils import timezone

from accounts.audit.recording import Actor, Record, recording
from accounts.models import Enterprise
from directory.departments.member_counts import shift_counts
from directory.members.actions import audit_snapshot
from directory.members.bulk_update import unlink_users
from directory.models import Department, Member, MemberQuerySet, Membership

CHUNK = 500
SETTLED = ("phone", "phone_reversed", "activation", "main_department")


@dataclass
class Restored:
    """A restored member.

    If `phone_holder` has their phone now, they are back without it and join by activation code. If `is_moved`, their
    departments are gone and they are in the root.
    """

    member: Member
    phone_holder: Member | None = None
    is_moved: bool = False


def delete_members(enterprise: Enterprise, ids: Sequence[int], *, by: Actor) -> int:
    """Move members into the bin, each 500 in a transaction, and return how many it was.

    Unlinks their users, ends their sessions here, and revokes invitations and codes; a role stays.
    """
    return sum(_delete_chunk(enterprise, chunk, by) for chunk in _chunks(ids))


def restore_members(enterprise: Enterprise, ids: Sequence[int], *, by: Actor) -> list[Restored]:
    """Restore members where they were; those who had joined join again. Of two with one phone the first gets it."""
    return [one for chunk in _chunks(ids) for one in _restore_chunk(enterprise, chunk, by)]


def administrators_among(members: MemberQuerySet) -> MemberQuerySet:
    """Return the members who also have a role in their enterprise, which a deletion doesn't take away."""
    return members.filter(user__roles__enterprise=F("enterprise"))


def _delete_chunk(enterprise: Enterprise, ids: Sequence[int], by: Actor) -> int:
    with recording(enterprise, by=by) as record:
        chosen = Member.objects.present().filter(enterprise=enterprise, pk__in=ids)
        members = list(chosen.select_related("enterprise", "user", "main_department").order_by("pk"))
        _record_event(record, "deleted", enterprise, members)
        shift_counts([member.pk for member in members], -1)
        unlink_users(*members)
        joined = When(status=Member.Status.ACTIVE, then=Value(Member.Status.PENDING))
        chosen.update(
            user=None,
            invited_at=None,
            status=Case(joined, default=F("status")),
            deleted_at=timezone.now(),
            deleted_by=by.name[:64],
        )
    return len(members)


def _restore_chunk(enterprise: Enterprise, ids: Sequence[int], by: Actor) -> list[Restored]:
    with recording(enterprise, by=by) as record:
        binned = Member.objects.in_bin().filter(enterprise=enterprise, pk__in=ids)
        restored = [Restored(member) for member in binned.select_related("main_department").order_by("pk")]
        before = {one.member.pk: one.member.main_department_id for one in restored}
        _settle_phones(enterprise, restored)
        _settle_departments(enterprise, restored)
        members = [one.member for one in restored]
        # First: two members may have one phone only while one of them is in the bin.
        _save_settled(restored, before)
        Member.objects.filter(pk__in=before).update(deleted_at=None, deleted_by="")
        shift_counts([member.pk for member in members], 1)
        _record_event(record, "restored", enterprise, members)
    return restored


def _settle_phones(enterprise: Enterprise, restored: Sequence[Restored]) -> None:
    phones = {one.member.phone for one in restored if one.member.phone}
    present = Member.objects.present().filter(enterprise=enterprise, phone__in=phones)
    holders = {str(member.phone): member for member in present.select_related("main_department")}
    for one in restored:
        member = one.member
        if member.phone and holders.setdefault(member.phone, member) is not member:
            one.phone_holder = holders[member.phone]
            member.phone = member.phone_reversed = None
            member.activation = Member.Activation.CODE


def _settle_departments(enterprise: Enterprise, restored: Sequence[Restored]) -> None:
    """Replace departments that were deleted meanwhile."""
    departments: dict[int, list[Department]] = {}
    members = [one.member.pk for one in restored]
    for membership in Membership.objects.filter(member__in=members).select_related("department").order_by("pk"):
        departments.setdefault(membership.member_id, []).append(membership.department)
    root = Department.objects.get(enterprise=enterprise, parent=None)
    for one in restored:
        left = departments.get(one.member.pk, [])
        one.is_moved = not left
        if one.member.main_department not in left:
            one.member.main_department = left[0] if left else root
    moved = [one.member for one in restored if one.is_moved]
    Membership.objects.bulk_create(Membership(member=member, department=root) for member in moved)


def _save_settled(restored: Sequence[Restored], before: Mapping[int, int]) -> None:
    """Save only the members that changed: updating many rows with different values costs fifty times the rest."""
    changed = [
        one.member for one in restored if one.phone_holder or one.member.main_department_id != before[one.member.pk]
    ]
    Member.objects.bulk_update(changed, SETTLED, batch_size=100)


def _record_event(record: Record, action: str, enterprise: Enterprise, members: Sequence[Member]) -> None:
    """One line, however many it were at once."""
    if len(members) == 1:
        snapshot = audit_snapshot(members[0])
        before, after = (snapshot, None) if action == "deleted" else (None, snapshot)
        record(f"member_{action}", members[0], before=before, after=after)
    elif members:
        record(f"members_{action}", enterprise, after={"members": [member.pk for member in members]})


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
