"""The list of members: its parameters, the rows of a page, and their number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypedDict

from django.db.models import Count, F, FilteredRelation, Q
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import ngettext

from accounts.models import Role
from accounts.permissions import Permission, may
from core.list_query import ListQuery
from core.pagination import COUNT_CAP, Page, read_page, show_count
from directory.access import binned_members_of, departments_of, imports_of, is_scoped, members_of, read_ids
from directory.joining.invitations import PURPOSE, subject_of
from directory.members.list_paging import FoundMember, FoundMembers
from directory.members.search import TEXT_MAX, SearchStrategy, any_of, strategies_for
from directory.models import Address, Department, Member, MemberQuerySet, Membership
from sms.models import Message
from sms.outbox.queue import latest_messages
from sms.phones import mask_phone, show_phone

# A search is counted row by row; of a status within departments each row is looked up besides.
SEARCH_COUNT_CAP = 1_000
DEPARTMENT_COUNT_CAP = 200
# In a department of this many members, walking the list finds a page (or a count, which needs more rows) sooner than
# sorting them all, which the planner only sees if they are most of the enterprise. Measured at a million members.
WALKED_FROM, COUNT_WALKED_FROM, WALKED_TO = 6_000, 50_000, 200_000
SHOWN = (
    "name", "account", "phone", "status", "activation", "invited_at", "main_department", "deleted_at", "deleted_by",
)  # fmt: skip
# The value of the filter by status that stands for the recycle bin.
IN_BIN = "deleted"


class MemberRow(TypedDict):
    """A row of the list. `message`: the newest one that carried an invitation, if the member has not joined.

    A mapping, because templates look up keys before attributes, thousands of times for a page.
    """

    id: str
    url: str
    name: str
    account: str
    address: str
    phone: str
    department: str
    more_departments: int
    status: str
    status_label: str
    tone: str
    is_invited: bool
    message: Message | None
    deleted_at: datetime | None
    deleted_by: str
    days_left: int


class MemberQuery(ListQuery):
    """The parameters of the list of members, among those the role may reach.

    An unknown department, status or import matches nobody. `with_bin`: the status may be "deleted", for the recycle
    bin, which is never listed together with the directory.
    """

    text_max = TEXT_MAX

    def __init__(self, asked: QueryDict, role: Role, *, with_bin: bool = False) -> None:
        super().__init__(asked)
        self.role = role
        self.status = self.read_strict_choice("status", [*Member.Status.values, *([IN_BIN] if with_bin else [])])
        self.is_bin = self.status == IN_BIN
        self.department = self.read_row("department", departments_of(role))
        self.imported = self.read_row("import", imports_of(role))

    @property
    def is_by_department(self) -> bool:
        """True if nothing but a department is asked for."""
        return not (self.text or self.status or self.imported or self.matches_nothing)

    @cached_property
    def strategies(self) -> list[SearchStrategy]:
        sees_phones = may(self.role, Permission.SEE_PHONES)
        return strategies_for(self.text, enterprise=self.role.enterprise, sees_phones=sees_phones)

    def filtered(self) -> MemberQuerySet:
        """Return the members that the filters match, whatever the search text."""
        members = binned_members_of(self.role) if self.is_bin else members_of(self.role)
        if self.matches_nothing:
            return members.none()
        if self.department and (self.department.parent_id or is_scoped(self.role)):
            members = members.under(self.department)
        if self.imported:
            members = members.filter(pk__in=self.imported.created_member_ids())
        return members.filter(status=self.status) if self.status and not self.is_bin else members

    def found(self, *, walked_from: int = WALKED_FROM) -> FoundMembers:
        """Return what filters and search match, in the list's order.

        `walked_from`: a department of at least this many members is checked row by row instead of sorted.
        """
        department = self.department
        is_small = self.is_bin or self.imported or self.matches_nothing
        if is_small or not department or not walked_from <= department.members_below < WALKED_TO:
            return FoundMembers(self.filtered(), self.strategies)
        members = members_of(self.role).asked_under(department)
        return FoundMembers(members.filter(status=self.status) if self.status else members, self.strategies)

    def matching(self) -> MemberQuerySet:
        """Return all that match, unordered."""
        return self.filtered().filter(any_of(self.strategies))

    def chosen(self, asked: QueryDict) -> MemberQuerySet:
        """Return the members of a bulk action: all that match if `all_matching` is set, else those in `members`."""
        if asked.get("all_matching"):
            return self.matching()
        reachable = binned_members_of(self.role) if self.is_bin else members_of(self.role)
        return reachable.filter(pk__in=read_ids(asked.getlist("members")))


def rows_of(query: MemberQuery) -> tuple[list[MemberRow], Page[FoundMember]]:
    """Return the rows of a page, in the same number of queries for three and for fifty."""
    page = read_page(query.found(), query)
    ids = [pk for _index, pk in page.rows]
    rows = _rows_of(ids, write_phone=show_phone if may(query.role, Permission.SEE_PHONES) else mask_phone)
    is_whole = (query.text or query.is_bin) and not page.previous_url and not page.next_url
    return rows, replace(page, count_text=_count_text(query, found=len(rows) if is_whole else None))


def _rows_of(ids: list[int], *, write_phone: Callable[[str | None], str]) -> list[MemberRow]:
    """Read only what a row shows: whole objects of five tables would cost more than rendering the page."""
    members = _members(ids)
    waiting = [subject_of(member) for member in members if member.status == Member.Status.PENDING]
    messages = latest_messages(PURPOSE, waiting) if waiting else {}
    counts = dict(Membership.objects.filter(member__in=ids).values_list("member").annotate(Count("pk")))
    labels = {str(status): str(status.label) for status in Member.Status}
    list_url = reverse("directory:member_list")
    return [
        MemberRow(
            id=str(member.pk),
            url=f"{list_url}{member.pk}/",
            name=member.name,
            account=member.account,
            address=f"{member.local}@{member.domain}" if member.local else "",
            phone=write_phone(member.phone),
            department=member.department,
            more_departments=counts.get(member.pk, 1) - 1,
            status=member.status,
            status_label=labels[member.status],
            tone=member.tone,
            is_invited=member.invited_at is not None,
            message=messages.get(subject_of(member)),
            deleted_at=member.deleted_at,
            deleted_by=member.deleted_by,
            days_left=member.days_left,
        )
        for member in members
    ]


def _members(ids: list[int]) -> list[Any]:
    """Return the members in this order, each with its `department` and its mailbox's `local` and `domain`."""
    mailbox = FilteredRelation("addresses", condition=Q(addresses__purpose=Address.Purpose.PRIMARY))
    names = {
        "department": F("main_department__name"),
        "local": F("mailbox__local"),
        "domain": F("mailbox__domain__name"),
    }
    members = Member.objects.only(*SHOWN).annotate(mailbox=mailbox).annotate(**names).in_bulk(ids)
    return [members[id] for id in ids if id in members]


def _count_text(query: MemberQuery, *, found: int | None) -> str:
    """Return the number of members: `found` if that is all of them, a department's own count, or one up to a cap."""
    if found is not None:
        count = cap = found
    elif query.is_by_department and (query.department or not is_scoped(query.role)):
        count = cap = _members_below(query)
    else:
        cap = _count_cap(query)
        count = query.found(walked_from=COUNT_WALKED_FROM).count(cap)
    return ngettext("%(n)s member", "%(n)s members", count) % {"n": show_count(count, cap)}


def _count_cap(query: MemberQuery) -> int:
    if query.department:
        return DEPARTMENT_COUNT_CAP
    return SEARCH_COUNT_CAP if query.text or query.imported else COUNT_CAP


def _members_below(query: MemberQuery) -> int:
    department = query.department or Department.objects.filter(enterprise=query.role.enterprise_id, parent=None).first()
    return department.members_below if department else 0
