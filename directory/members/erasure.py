"""What becomes of a member whose time in the bin is over: name, phone, account and addresses go, from everywhere.

A row with nothing but its id stays, so that what was counted and who invited whom stays true (security.md 6.4). The
audit log keeps that something happened, and no longer to whom; its chain verifies as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from accounts.audit.recording import erase_personal, recording, task_actor
from accounts.models import AuditEvent, Enterprise, User
from core.registry import Registry
from core.translatable import render_message
from directory.joining.invitations import PURPOSE, subject_of
from directory.models import ActivationCode, Address, Department, ImportRow, Invitation, Member, Membership, Reading
from sms.phones import show_phone
from sms.retention import erase_messages, erase_recipients

CHUNK = 500
BY = task_actor("upkeep")

Eraser = Callable[[Enterprise, Sequence[Member]], None]
_erasers: Registry[Eraser] = Registry("erasers of members' data")


def register_eraser(erase: Eraser) -> None:
    """Call `erase` with an enterprise and up to CHUNK of its members before their rows are emptied.

    It erases what another app holds about them, in the caller's transaction; an exception leaves them in the bin.
    """
    _erasers.register(erase)


def erase_deleted_members() -> int:
    """All whose time is over, 500 a transaction; may be killed and run again. Returns how many."""
    purged = 0
    while number := _purge_chunk():
        purged += number
    return purged


def _purge_chunk() -> int:
    over = timezone.now() - timedelta(days=settings.MEMBER_BIN_DAYS)
    due = Member.objects.in_bin().filter(deleted_at__lte=over).order_by("deleted_at")
    first = due.select_related("enterprise").first()
    if first is None:
        return 0
    with recording(first.enterprise, by=BY) as record:
        members = list(due.filter(enterprise=first.enterprise)[:CHUNK])
        for erase in _erasers.all():
            erase(first.enterprise, members)
        _forget_texts(first.enterprise, members)
        _forget_users(members)
        _empty(first.enterprise, members)
        record("members_purged", first.enterprise, after={"members": [member.pk for member in members]})
    return len(members)


def _empty(enterprise: Enterprise, members: Sequence[Member]) -> None:
    """No account begins with a hyphen, so what stands in its place is nobody's."""
    for theirs in (Address, Reading, Membership, Invitation, ActivationCode):
        theirs.objects.filter(member__in=members).delete()
    Member.objects.filter(pk__in=[member.pk for member in members]).update(
        name="",
        account=Concat(Value("-"), Cast(F("pk"), CharField())),
        phone=None,
        phone_reversed=None,
        pinyin="",
        initials="",
        position="",
        origin={},
        user=None,
        main_department=Department.objects.get(enterprise=enterprise, parent=None),
        deleted_by="",
        erased_at=timezone.now(),
    )


def _forget_users(members: Sequence[Member]) -> None:
    """A person whom nothing else holds here: no membership, no role."""
    phones = [member.phone for member in members if member.phone]
    users = User.objects.filter(phone__in=phones, members=None, roles=None)
    acted = AuditEvent.objects.filter(via="member", actor_user_id__in=list(users.values_list("pk", flat=True)))
    erase_personal(acted)
    users.delete()


def _forget_texts(enterprise: Enterprise, members: Sequence[Member]) -> None:
    """Where their name or number was written down as text."""
    erase_messages(PURPOSE, [subject_of(member) for member in members])
    erase_recipients(enterprise.pk, {member.phone: member.deleted_at for member in members if member.phone})
    events = AuditEvent.objects.filter(enterprise=enterprise, target_type="member")
    erase_personal(events.filter(target_id__in=[str(member.pk) for member in members]))
    invited = Member.objects.filter(enterprise=enterprise, origin__inviter__in=[member.pk for member in members])
    for one in invited.iterator():
        one.origin.pop("invited_by", None)
        one.save(update_fields=["origin"])
    _forget_reasons(enterprise, members)


def _forget_reasons(enterprise: Enterprise, members: Sequence[Member]) -> None:
    """Refusals of imports name who held a phone or an address; who was kept by an undo is named too."""
    theirs = {member.pk: {member.name} for member in members}
    keys = [(member.name, _keys_of(member)) for member in members]
    rows = ImportRow.objects.filter(import_job__enterprise=enterprise).exclude(problems=[])
    for row in rows.only("member_id", "problems").iterator():
        problems = [problem for problem in row.problems if not _tells_of(problem, keys, theirs.get(row.member_id or 0))]
        if len(problems) < len(row.problems):
            row.problems = problems
            row.save(update_fields=["problems"])


def _keys_of(member: Member) -> set[str]:
    addresses = {str(one) for one in member.addresses.select_related("domain")}
    return {key for key in (*addresses, member.account, show_phone(member.phone)) if key}


def _tells_of(problem: dict[str, Any], keys: list[tuple[str, set[str]]], own: set[str] | None) -> bool:
    text = render_message(problem)
    if own and any(name in text for name in own):
        return True
    return any(name in text and any(key in text for key in known) for name, known in keys)
