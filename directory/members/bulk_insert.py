"""Insert many members in a fixed number of statements: for imports and demo data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import Enterprise
from core.bulk_sql import insert_rows
from directory.departments.member_counts import add_to_counts, shift_counts
from directory.members.data import COLUMNS, MemberData, columns_of
from directory.members.search_keys import Keys, keys_of, other_readings
from directory.models import Address, Department, Member, Membership, Reading

CHUNK = 5000
PRIMARY, ALIAS = Address.Purpose.PRIMARY.value, Address.Purpose.ALIAS.value
MEMBER_COLUMNS = (
    "id", "enterprise_id", *COLUMNS, "status", "main_department_id", "user_id", *Keys._fields, "origin", "created_at",
    "invited_at", "joined_at",
)  # fmt: skip


@dataclass(slots=True)
class NewMember:
    """A member to insert, whose data is valid and without conflicts. `origin` is JSON."""

    data: MemberData
    status: str = Member.Status.PENDING
    origin: str = "{}"
    user: int | None = None
    created_at: datetime | None = None
    invited_at: datetime | None = None
    joined_at: datetime | None = None


def insert_members(enterprise: Enterprise, members: Iterable[NewMember]) -> list[int]:
    """Insert the members and return their ids in order. Records no audit event.

    Each 5,000 are a transaction, or a savepoint in the caller's. Raises IntegrityError if a row breaks a constraint.
    """
    ids: list[int] = []
    for chunk in _chunks(members):
        with transaction.atomic():
            ids += _insert_chunk(enterprise, chunk)
    return ids


def remove_members(enterprise: Enterprise, ids: Sequence[int]) -> None:
    """Delete the rows of members in the caller's `recording`. Records no audit event."""
    shift_counts(ids, -1)
    Member.objects.filter(enterprise=enterprise, pk__in=ids).delete()


def _insert_chunk(enterprise: Enterprise, members: list[NewMember]) -> list[int]:
    ids = _reserve_ids(Member, len(members))
    # As text: the driver is slow at converting datetimes.
    now = str(connection.ops.adapt_datetimefield_value(timezone.now()))
    numbered = list(zip(ids, members, strict=True))
    insert_rows(Member, MEMBER_COLUMNS, (_member_row(enterprise.pk, id, member, now) for id, member in numbered))
    insert_rows(
        Membership,
        ("member_id", "department_id"),
        ((id, department) for id, member in numbered for department in member.data.departments),
    )
    insert_rows(
        Address,
        ("enterprise_id", "domain_id", "local", "purpose", "member_id", "held_for"),
        _address_rows(enterprise.pk, numbered),
    )
    insert_rows(
        Reading,
        ("enterprise_id", "member_id", "pinyin", "initials"),
        ((enterprise.pk, id, *reading) for id, member in numbered for reading in other_readings(member.data.name)),
    )
    _count([member.data.departments for member in members])
    return ids


def _member_row(enterprise: int, id: int, member: NewMember, now: str) -> tuple[Any, ...]:
    data = member.data
    return (
        id, enterprise, *columns_of(data), str(member.status), data.departments[0], member.user,
        *keys_of(data.name, data.phone), member.origin, member.created_at or now, member.invited_at, member.joined_at,
    )  # fmt: skip


def _address_rows(enterprise: int, members: Iterable[tuple[int, NewMember]]) -> Iterator[tuple[Any, ...]]:
    for id, member in members:
        yield enterprise, member.data.domain, member.data.prefix, PRIMARY, id, ""
        for local, domain in member.data.aliases:
            yield enterprise, domain, local, ALIAS, id, ""


def _count(members: Collection[tuple[int, ...]]) -> None:
    """Count the members, each given as the ids of their departments, in all departments above."""
    numbers = Counter(members)
    named = {department for departments in numbers for department in departments}
    above = {one.pk: one.ids_above for one in Department.objects.filter(pk__in=named).only("path")}
    moved: Counter[int] = Counter()
    for departments, number in numbers.items():
        for pk in {pk for one in departments for pk in above[one]}:
            moved[pk] += number
    add_to_counts(moved)


def _reserve_ids(model: type[models.Model], number: int) -> list[int]:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(sequence) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS sequence OFFSET 0)"
                " AS named, generate_series(1, %s)",
                [table, number],
            )
            return [id for (id,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return list(range(last + 1, last + 1 + number))


def _chunks(members: Iterable[NewMember]) -> Iterator[list[NewMember]]:
    source = iter(members)
    while chunk := list(islice(source, CHUNK)):
        yield chunk
