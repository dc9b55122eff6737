"""Edit many members of one enterprise as `edit_member` edits one, in a fixed number of statements.

A test compares the rows that both leave."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from accounts.audit.recording import Record, RecordedChange
from accounts.models import Enterprise, User
from core.bulk_sql import delete_rows, insert_rows, update_rows
from directory.departments.member_counts import add_to_counts
from directory.members.actions import WRITTEN, login_of, part_from_users, put_facts, requires_rejoin
from directory.members.fields import Facts
from directory.members.search_keys import other_readings
from directory.models import Address, Department, Domain, Member, Membership, Reading

COLUMNS = [field.attname for field in Member._meta.concrete_fields if field.name in WRITTEN]
_values_of = attrgetter(*COLUMNS)


@dataclass(slots=True)
class Standing:
    """A member as they stand; `memberships` are department ids to their rows'."""

    member: Member
    facts: Facts
    memberships: dict[int, int]


@dataclass(slots=True)
class Edit:
    """What such a member shall be: clean, and held by nobody else."""

    standing: Standing
    facts: Facts

    @property
    def member(self) -> Member:
        return self.standing.member

    @property
    def before(self) -> Facts:
        return self.standing.facts


def read_standings(enterprise: Enterprise, ids: Collection[int]) -> dict[int, Standing]:
    """Of those who are in the directory, by id, in four statements."""
    members = list(Member.objects.present().filter(enterprise=enterprise, pk__in=ids).select_related("user"))
    memberships: dict[int, dict[int, int]] = defaultdict(dict)
    found = Membership.objects.filter(member__in=ids).order_by("department")
    for membership, holder, department in found.values_list("pk", "member", "department"):
        memberships[holder][department] = membership
    named = {id for places in memberships.values() for id in places} | {one.main_department_id for one in members}
    departments = {one.pk: one for one in Department.objects.filter(pk__in=named)}
    addresses = _addresses_of(enterprise, ids)
    standings = {}
    for member in members:
        member.enterprise, member.main_department = enterprise, departments[member.main_department_id]
        places = memberships[member.pk]
        facts = _facts_of(member, [departments[id] for id in places], addresses[member.pk])
        standings[member.pk] = Standing(member, facts, places)
    return standings


def taken_logins(edits: Iterable[Edit]) -> dict[int, str]:
    """Of members who joined by code and would sign in with what is another's login already: id to that login."""
    wanted = {login_of(edit.facts): edit for edit in edits if _keeps_login(edit)}
    found = User.objects.filter(login__in=wanted).values_list("login", "pk") if wanted else []
    owners = [(str(login), user, wanted[str(login)].member) for login, user in found]
    return {member.pk: login for login, user, member in owners if user != member.user_id}


def edit_members(edits: Sequence[Edit], *, record: Record) -> None:
    """Write the edits and an event for each, in the caller's `recording` and in a transaction of their own.

    Only members who must join again cost statements of their own. Raises IntegrityError.
    """
    columns = [_columns(edit.member) for edit in edits]
    _move_logins(edits)
    rejoining = [edit.member for edit in edits if requires_rejoin(edit.member, edit.facts)]
    if rejoining:
        part_from_users(*rejoining)
    for edit in edits:
        put_facts(edit.member, edit.facts)
    written = [(edit.member.pk, *_columns(edit.member)) for edit in edits]
    update_rows(Member, COLUMNS, [row for row, stood in zip(written, columns, strict=True) if row[1:] != stood])
    _write_readings([edit.member for edit in edits])
    _write_departments(edits)
    _write_addresses(edits)
    record.each("member_edited", [RecordedChange(edit.member, edit.before.told(), edit.facts.told()) for edit in edits])


def _keeps_login(edit: Edit) -> bool:
    return edit.member.has_user_by_code and not requires_rejoin(edit.member, edit.facts)


def _move_logins(edits: Iterable[Edit]) -> None:
    staying = [(edit.member.user, login_of(edit.facts)) for edit in edits if _keeps_login(edit)]
    update_rows(User, ("login",), [(user.pk, login) for user, login in staying if user and user.login != login])


def _addresses_of(enterprise: Enterprise, ids: Collection[int]) -> dict[int, list[tuple[str, Domain]]]:
    """The mailbox first, then the aliases by age."""
    domains = {one.pk: one for one in enterprise.domains.all()}
    held: dict[int, list[tuple[str, Domain]]] = defaultdict(list)
    found = Address.objects.filter(member__in=ids).order_by("pk")
    for member, purpose, local, domain in found.values_list("member", "purpose", "local", "domain"):
        place = 0 if purpose == Address.Purpose.PRIMARY else len(held[member])
        held[member].insert(place, (local, domains[domain]))
    return held


def _facts_of(member: Member, departments: list[Department], addresses: list[tuple[str, Domain]]) -> Facts:
    return Facts(
        name=member.name,
        account=member.account,
        prefix=addresses[0][0],
        domain=addresses[0][1],
        phone=member.phone,
        departments=departments,
        main_department=member.main_department,
        position=member.position,
        activation=member.activation,
        aliases=addresses[1:],
    )


def _columns(member: Member) -> tuple[Any, ...]:
    # A status that was just given is an enumeration's.
    member.status = str(member.status)
    values: tuple[Any, ...] = _values_of(member)
    return values


def _write_readings(members: Sequence[Member]) -> None:
    stand: dict[int, list[tuple[str, str]]] = defaultdict(list)
    found = Reading.objects.filter(member__in=members).order_by("pk")
    for member, pinyin, initials in found.values_list("member", "pinyin", "initials"):
        stand[member].append((pinyin, initials))
    renamed = [member for member in members if stand.get(member.pk, []) != other_readings(member.name)]
    delete_rows(Reading, "member_id", [one.pk for one in renamed])
    insert_rows(
        Reading,
        ("enterprise_id", "member_id", "pinyin", "initials"),
        ((one.enterprise_id, one.pk, *reading) for one in renamed for reading in other_readings(one.name)),
    )


def _write_departments(edits: Sequence[Edit]) -> None:
    moved: Counter[int] = Counter()
    left: list[int] = []
    entered: list[tuple[int, int]] = []
    for edit in edits:
        stood, stands = edit.standing.memberships, [one.pk for one in edit.facts.departments]
        if stood.keys() == set(stands):
            continue
        left += [stood[id] for id in stood.keys() - set(stands)]
        entered += [(edit.member.pk, id) for id in stands if id not in stood]
        moved.update(_ids_above(edit.facts.departments))
        moved.subtract(_ids_above(edit.before.departments))
    delete_rows(Membership, "id", left)
    insert_rows(Membership, ("member_id", "department_id"), entered)
    add_to_counts(moved)


def _ids_above(departments: Iterable[Department]) -> set[int]:
    return {pk for department in departments for pk in department.ids_above}


def _write_addresses(edits: Sequence[Edit]) -> None:
    """All of a member's written anew: what was an alias may become the mailbox."""
    moved = [edit for edit in edits if edit.before.addresses != edit.facts.addresses]
    delete_rows(Address, "member_id", [edit.member.pk for edit in moved])
    insert_rows(
        Address,
        ("enterprise_id", "domain_id", "local", "purpose", "member_id", "held_for"),
        (
            (
                edit.member.enterprise_id, domain.pk, local,
                (Address.Purpose.ALIAS if place else Address.Purpose.PRIMARY).value, edit.member.pk, "",
            )
            for edit in moved
            for place, (local, domain) in enumerate(edit.facts.addresses)
        ),
    )  # fmt: skip
