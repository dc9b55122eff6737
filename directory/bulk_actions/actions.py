"""Apply a bulk action to some of its members, and explain which ones are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from accounts.audit.recording import Actor
from accounts.models import Role
from directory.access import binned_members_of, members_of
from directory.members.actions import disable_members, enable_members
from directory.members.recycle_bin import Restored, delete_members, restore_members
from directory.models import BulkAction, BulkActionItem, Member

Kind = BulkAction.Kind
Reason = BulkActionItem.Reason


@dataclass
class Outcome:
    """Skipped members by id with the reason; remarks on others: id, reason, id of the member with their phone."""

    left_out: dict[int, str]
    remarks: list[tuple[int, str, int | None]] = field(default_factory=list)


def apply_to_members(kind: str, role: Role, ids: Sequence[int], *, by: Actor) -> Outcome:
    """Act within this role's reach, in the caller's `recording`, so that the checks hold until the commit."""
    enterprise = role.enterprise
    outcome = Outcome(_reasons_against(kind, role, ids))
    chosen = [id for id in ids if id not in outcome.left_out]
    match kind:
        case Kind.DELETE:
            delete_members(enterprise, chosen, by=by)
        case Kind.RESTORE:
            outcome.remarks += _remarks_on(restore_members(enterprise, chosen, by=by))
        case Kind.DISABLE:
            disable_members(enterprise, chosen, by=by)
        case Kind.ENABLE:
            enable_members(enterprise, chosen, by=by)
        case _:
            raise NotImplementedError(kind)
    return outcome


def _remarks_on(restored: Iterable[Restored]) -> Iterator[tuple[int, str, int | None]]:
    for one in restored:
        if one.phone_holder:
            yield one.member.pk, Reason.WITHOUT_PHONE, one.phone_holder.pk
        if one.is_moved:
            yield one.member.pk, Reason.MOVED, None


def _reasons_against(kind: str, role: Role, ids: Sequence[int]) -> dict[int, str]:
    reachable = binned_members_of(role) if kind == Kind.RESTORE else members_of(role)
    reached = set(reachable.filter(pk__in=ids).values_list("pk", flat=True))
    known = Member.objects.filter(pk__in=ids).values_list("pk", "status", "deleted_at", "erased_at")
    reasons = {pk: _reason_against(kind, status, deleted, purged) for pk, status, deleted, purged in known}
    reasons |= {pk: Reason.OUT_OF_REACH for pk in ids if pk not in reached and not reasons.get(pk)}
    return {pk: reason for pk, reason in reasons.items() if reason}


def _reason_against(kind: str, status: str, deleted_at: object, erased_at: object) -> str:
    if erased_at:
        return Reason.ERASED
    if kind == Kind.RESTORE:
        return "" if deleted_at else Reason.PRESENT
    if deleted_at:
        return Reason.IN_BIN
    is_disabled = status == Member.Status.DISABLED
    if kind == Kind.DISABLE and is_disabled:
        return Reason.DISABLED
    return Reason.NOT_DISABLED if kind == Kind.ENABLE and not is_disabled else ""
