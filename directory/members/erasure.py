"""Erase members whose time in the bin is over: name, phone, account and addresses, in every table.

The row stays with nothing but its id, so that counts and "invited by" stay true (security.md 6.4). The audit log keeps
what happened, but no longer to whom; its chain still verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import CharField, F, Prefetch, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from accounts.audit.recording import Actor, Record, erase_personal, recording, task_actor
from accounts.models import AuditEvent, Enterprise, User
from core.registry import Registry
from directory.joining.invitations import PURPOSE, subject_of
from directory.members.mentions import Person, erase_later_mentions, erase_mentions
from directory.models import ActivationCode, Address, Department, ImportRow, Invitation, Member, Membership, Reading
from directory.models.members import InviterId, MemberQuerySet
from sms.phones import show_phone
from sms.retention import delete_counters, erase_messages, erase_recipients

CHUNK = 500
BY = task_actor("upkeep")

Eraser = Callable[[Record, Sequence[Member]], None]
_erasers: Registry[Eraser] = Registry("erasers of members' data")


def register_eraser(erase: Eraser) -> None:
    """Call `erase` with an enterprise's record and up to CHUNK of its members before their rows are emptied.

    It erases what another app holds about them, in the caller's transaction; an exception leaves them in the bin.
    """
    _erasers.register(erase)


def erase_deleted_members() -> int:
    """Erase all members who are due, 500 in a transaction, and return how many. Safe to kill and run again."""
    purged = 0
    while number := _purge_chunk():
        purged += number
    return purged


def erase_member(member: Member, *, by: Actor) -> bool:
    """Erase a member in the bin now, which frees the address and account. Return False if they are not there."""
    return bool(_erase(member.enterprise, Member.objects.in_bin().filter(pk=member.pk), by=by))


def _purge_chunk() -> int:
    over = timezone.now() - timedelta(days=settings.MEMBER_BIN_DAYS)
    due = Member.objects.in_bin().filter(deleted_at__lte=over).order_by("deleted_at")
    first = due.select_related("enterprise").first()
    if first is None:
        return 0
    ids = list(due.filter(enterprise=first.enterprise).values_list("pk", flat=True)[:CHUNK])
    return _erase(first.enterprise, due.filter(pk__in=ids), by=BY)


def _erase(enterprise: Enterprise, due: MemberQuerySet, *, by: Actor) -> int:
    """Erase the members in `due`, and return how many.

    What takes long or concerns other enterprises comes first, in transactions of its own.
    """
    people = _people(due)
    searched = erase_mentions(enterprise, people)
    _erase_in_other_logs(enterprise, _lone_users(due))
    with recording(enterprise, by=by) as record:
        members = list(due.all())
        if members:
            erase_later_mentions(enterprise, people, searched)
            _erase_locked(members, record)
    return len(members)


def _erase_locked(members: Sequence[Member], record: Record) -> None:
    for erase in _erasers.all():
        erase(record, members)
    _erase_texts(members, record)
    users = _lone_users(members)
    erase_personal(record, _events_of(users))
    User.objects.filter(pk__in=users).delete()
    _forget_failures(members)
    _empty(record.enterprise, members)
    record("members_purged", record.enterprise, after={"members": [member.pk for member in members]})


def _empty(enterprise: Enterprise, members: Sequence[Member]) -> None:
    """Empty the members' rows. The account becomes a hyphen and the id: no valid account begins with a hyphen."""
    for model in (Address, Reading, Membership, Invitation, ActivationCode):
        model.objects.filter(member__in=members).delete()
    Member.objects.filter(pk__in=[member.pk for member in members]).update(
        name="",
        account=Concat(Value("-"), Cast(F("pk"), CharField())),
        phone=None,
        phone_reversed=None,
        pinyin="",
        initials="",
        folded_name="",
        origin={},
        user=None,
        main_department=Department.objects.get(enterprise=enterprise, parent=None),
        deleted_by="",
        erased_at=timezone.now(),
        **dict.fromkeys(Member.DETAILS, ""),
    )


def _lone_users(members: Iterable[Member]) -> list[int]:
    """Return the members' users who are left without a membership or a role."""
    phones = [member.phone for member in members if member.phone]
    users = User.objects.filter(phone__in=phones, members=None, roles=None)
    return list(users.values_list("pk", flat=True))


def _events_of(users: Sequence[int]) -> QuerySet[AuditEvent]:
    """Return what these users did as members, and what was done to them."""
    return AuditEvent.objects.filter(_acted(users) | _concerned(users))


def _acted(users: Sequence[int]) -> Q:
    return Q(via="member", actor_user_id__in=users)


def _concerned(users: Sequence[int]) -> Q:
    return Q(target_type="user", target_id__in=list(map(str, users)))


def _erase_in_other_logs(enterprise: Enterprise, users: Sequence[int]) -> None:
    """Erase these users in the logs of other enterprises, to which they belonged."""
    if not users:
        return
    others = Enterprise.objects.exclude(pk=enterprise.pk)
    # Two queries, because each condition has an index of its own.
    acted = AuditEvent.objects.filter(_acted(users)).values_list("enterprise", flat=True)
    concerned = AuditEvent.objects.filter(_concerned(users), enterprise__in=list(others.values_list("pk", flat=True)))
    ids = {*acted.distinct(), *concerned.values_list("enterprise", flat=True).distinct()}
    for other in others.filter(pk__in=ids).order_by("pk"):
        with recording(other, by=BY) as record:
            erase_personal(record, _events_of(users))


def _forget_failures(members: Sequence[Member]) -> None:
    """Delete the failed codes of numbers that belong to nobody any more, in any enterprise."""
    phones = {member.phone for member in members if member.phone}
    held = Member.objects.filter(phone__in=phones).exclude(pk__in=[member.pk for member in members])
    users = User.objects.filter(phone__in=phones).values_list("phone", flat=True)
    delete_counters(phones - set(held.values_list("phone", flat=True)) - set(map(str, users)))


def _erase_texts(members: Sequence[Member], record: Record) -> None:
    """Erase names and numbers where they were stored as text: messages, audit events, origins and import rows."""
    enterprise = record.enterprise
    erase_messages(PURPOSE, [subject_of(member) for member in members])
    erase_recipients(enterprise.pk, {member.phone: member.deleted_at for member in members if member.phone})
    events = AuditEvent.objects.filter(target_type="member", target_id__in=[str(member.pk) for member in members])
    erase_personal(record, events)
    for one in _invited_by(members):
        one.origin.pop("invited_by", None)
        one.save(update_fields=["origin"])
    ImportRow.objects.filter(member__in=members).update(cells=None, facts=None, previous=None, notes=[], problems=[])


def _invited_by(members: Sequence[Member]) -> MemberQuerySet:
    """Return those who name one of these members as their inviter, who is of the same enterprise."""
    ids = [str(member.pk) for member in members]
    return Member.objects.alias(inviter=InviterId("origin")).filter(inviter__in=ids)


def _people(members: MemberQuerySet) -> list[Person]:
    """Return what texts call the members: name, and address, account or phone."""
    found = members.prefetch_related(Prefetch("addresses", Address.objects.select_related("domain")))
    return [Person(member.name, frozenset(_keys_of(member))) for member in found]


def _keys_of(member: Member) -> Iterator[str]:
    yield from map(str, member.addresses.all())
    yield member.account
    if member.phone:
        yield show_phone(member.phone)
