"""What is done to a member: create, edit, disable, enable. All of it is recorded, under the enterprise's lock."""

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
from directory.members.fields import Facts, Said, choose_account, clean_facts, conflicts_of
from directory.members.search_keys import Keys, keys_of, other_readings
from directory.models import Address, Member, Membership, Reading

__all__ = [
    "WRITTEN", "create_member", "disable_member", "disable_members", "edit_member", "enable_member",
    "enable_members", "login_of", "part_from_users", "put_facts", "requires_rejoin", "told_of",
]  # fmt: skip

WRITTEN = (
    "name", "account", "phone", "position", "activation", "main_department", "status", "invited_at", "user",
    *Keys._fields,
)  # fmt: skip


def create_member(
    enterprise: Enterprise, *, by: Actor, origin: dict[str, Any] | None = None, **said: Unpack[Said]
) -> Member:
    """A pending member in the named departments, else in the root. Sends nothing.

    Raises ValidationError: for what breaks a rule, and for what another holds (the message names the holder)."""
    facts = clean_facts(enterprise, said)
    with _last_word(facts, enterprise, by), recording(enterprise, by=by) as record:
        facts = _without_conflict(facts, enterprise, by)
        member = Member(enterprise=enterprise, origin=origin or {"by": by.name})
        _write(member, facts)
        move_counts(after=facts.departments)
        record("member_created", member, after=facts.told())
    return member


def edit_member(member: Member, *, by: Actor, **said: Unpack[Said]) -> Member:
    """Everything is said anew. Another phone, or another way of activation, unlinks the user, ends their sessions here,
    forgets their browsers, kills invitation and code, and makes an active member pending again. Whoever joined by code
    keeps their user with another phone, and signs in with their new address. Raises ValidationError."""
    enterprise = member.enterprise
    facts = clean_facts(enterprise, said)
    with _last_word(facts, enterprise, by, member), recording(enterprise, by=by) as record:
        member = _fresh(member)
        if member.deleted_at:
            raise ValidationError({"name": ValidationError(_("%(name)s is in the bin."), params={"name": member.name})})
        facts = _without_conflict(facts, enterprise, by, member)
        before, stood_in = told_of(member), list(member.departments.all())
        if requires_rejoin(member, facts):
            part_from_users(member)
        elif member.user and member.has_user_by_code:
            _keep_login(member.user, facts)
        _write(member, facts)
        move_counts(before=stood_in, after=facts.departments)
        record("member_edited", member, before=before, after=facts.told())
    return member


def disable_member(member: Member, *, by: Actor) -> Member:
    """Signs them out of this enterprise and kills their invitation; their sessions elsewhere live on."""
    disable_members(member.enterprise, [member.pk], by=by)
    return _fresh(member)


def disable_members(enterprise: Enterprise, ids: Sequence[int], *, by: Actor) -> int:
    """The same for many, in one transaction; who is disabled or deleted stays as they are. Returns how many it was."""
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
    """Active again if their user still counts, else pending: they join anew."""
    enable_members(member.enterprise, [member.pk], by=by)
    return _fresh(member)


def enable_members(enterprise: Enterprise, ids: Sequence[int], *, by: Actor) -> int:
    """The same for many, in one transaction; who is not disabled stays as they are. Returns how many it was."""
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


def part_from_users(*members: Member) -> None:
    """Their links, codes, sessions and known browsers here end; without a user whoever had joined has not, and no
    invitation counts. The caller holds the enterprise's lock and saves `user`, `status` and `invited_at`."""
    revoke_invitations(*members)
    revoke_codes(*members)
    if users := [member.user for member in members if member.user]:
        end_sessions(*users, enterprise=members[0].enterprise)
        forget_browsers(*users, enterprise=members[0].enterprise)
    # Made for one member alone; their login is the address, which may be somebody else's one day.
    made_by_code = [member.user for member in members if member.user and member.has_user_by_code]
    User.objects.filter(pk__in=[user.pk for user in made_by_code], roles=None).delete()
    for member in members:
        member.user = member.invited_at = None
        if member.status == Member.Status.ACTIVE:
            member.status = Member.Status.PENDING


def requires_rejoin(member: Member, facts: Facts) -> bool:
    """Return True if `facts` make the member another person than the one who joined or was invited."""
    return member.activation != facts.activation or (member.phone != facts.phone and not member.has_user_by_code)


def put_facts(member: Member, facts: Facts) -> None:
    """Into the member's own columns; saves nothing."""
    member.name, member.account, member.phone = facts.name, facts.account, facts.phone
    member.position, member.activation = facts.position, facts.activation
    member.main_department = facts.main_department
    member.pinyin, member.initials, member.phone_reversed = keys_of(facts.name, facts.phone)


def login_of(facts: Facts) -> str:
    """What whoever joined by code signs in with."""
    return f"{facts.prefix}@{facts.domain}".lower()


def told_of(member: Member) -> dict[str, Any]:
    """A member as the audit log keeps one."""
    return _facts_of(member).told()


@contextmanager
def _last_word(facts: Facts, enterprise: Enterprise, by: Actor, but: Member | None = None) -> Iterator[None]:
    """The database's refusal, said as the same field error."""
    try:
        yield
    except IntegrityError:
        errors = conflicts_of(choose_account(facts, enterprise, but=but), enterprise, by=by, but=but)
        if not errors:
            raise
        raise ValidationError(errors) from None


def _without_conflict(facts: Facts, enterprise: Enterprise, by: Actor, but: Member | None = None) -> Facts:
    facts = choose_account(facts, enterprise, but=but)
    errors = conflicts_of(facts, enterprise, by=by, but=but)
    if errors:
        raise ValidationError(errors)
    return facts


def _fresh(member: Member) -> Member:
    """As it is now, under the lock."""
    return Member.objects.select_related("enterprise", "user", "main_department").get(pk=member.pk)


def _keep_login(user: User, facts: Facts) -> None:
    """Whoever signs in with their address does so with the new one."""
    login = login_of(facts)
    if User.objects.filter(login=login).exclude(pk=user.pk).exists():
        error = ValidationError(_("%(address)s is a login already."), params={"address": login})
        raise ValidationError({"prefix": error})
    User.objects.filter(pk=user.pk).update(login=login)


def _write(member: Member, facts: Facts) -> None:
    put_facts(member, facts)
    # What joining and entering note of a member is theirs to write.
    member.save(update_fields=WRITTEN if member.pk else None)
    _write_readings(member)
    _write_departments(member, facts)
    _write_addresses(member, facts)


def _write_readings(member: Member) -> None:
    member.readings.all().delete()
    Reading.objects.bulk_create(
        Reading(enterprise=member.enterprise, member=member, **reading._asdict())
        for reading in other_readings(member.name)
    )


def _write_departments(member: Member, facts: Facts) -> None:
    member.memberships.exclude(department__in=facts.departments).delete()
    stands_in = set(member.memberships.values_list("department", flat=True))
    Membership.objects.bulk_create(
        Membership(member=member, department=department)
        for department in facts.departments
        if department.pk not in stands_in
    )


def _write_addresses(member: Member, facts: Facts) -> None:
    """Written anew: what was an alias may become the mailbox."""
    if _addresses_of(member) == facts.addresses:
        return
    member.addresses.all().delete()
    Address.objects.bulk_create(
        Address(
            enterprise=member.enterprise,
            domain=domain,
            local=local,
            purpose=Address.Purpose.ALIAS if place else Address.Purpose.PRIMARY,
            member=member,
        )
        for place, (local, domain) in enumerate(facts.addresses)
    )


def _addresses_of(member: Member) -> list[tuple[str, Any]]:
    held = member.addresses.select_related("domain").order_by("pk")
    by_purpose = sorted(held, key=lambda address: address.purpose != Address.Purpose.PRIMARY)
    return [(address.local, address.domain) for address in by_purpose]


def _facts_of(member: Member) -> Facts:
    (prefix, domain), *aliases = _addresses_of(member)
    return Facts(
        name=member.name,
        account=member.account,
        prefix=prefix,
        domain=domain,
        phone=member.phone,
        departments=list(member.departments.order_by("pk")),
        main_department=member.main_department,
        position=member.position,
        activation=member.activation,
        aliases=aliases,
    )
