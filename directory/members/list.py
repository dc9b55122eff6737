"""The list of members as its page shows it: what is asked for, one page of rows, how many there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypedDict
from urllib.parse import urlencode

from django.db.models import Count, F, FilteredRelation, Q
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role
from accounts.permissions import Permission, may
from directory.access import binned_members_of, departments_of, find_one, imports_of, is_scoped, members_of, read_ids
from directory.joining.invitations import PURPOSE, subject_of
from directory.members.list_paging import count_of, page_of
from directory.members.search import TEXT_MAX, Way, any_of, ways_to
from directory.models import Address, Department, Member, MemberQuerySet, Membership
from sms.models import Message
from sms.outbox.queue import latest_messages
from sms.phones import mask_phone, show_phone

COUNT_CAP = 10_000
# A search is counted row by row; of a status within departments each row is looked up besides.
NARROW_COUNT_CAP = 1_000
NARROWEST_COUNT_CAP = 200
# Of a department with so many a page is found sooner by walking the list than by sorting them all; the planner sees
# that by itself only where they are most of the enterprise. Measured at a million members.
ASKED_FROM, COUNT_ASKED_FROM, ASKED_TO = 6_000, 50_000, 200_000
SHOWN = (
    "name", "account", "phone", "status", "activation", "invited_at", "main_department", "deleted_at", "deleted_by",
)  # fmt: skip
# What the filter by status calls the bin.
IN_BIN = "deleted"


class MemberRow(TypedDict):
    """What one line of the list shows. `message`: the newest that carries an invitation, of who has not joined.

    A mapping, for a template asks each thing for a key first, and a list asks thousands of times."""

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


@dataclass(frozen=True)
class Pages:
    """For the pagination component."""

    count_text: str
    previous_url: str
    next_url: str


class MemberQuery:
    """What a list's address asks for. Whoever asks for a department, a status or an import that isn't there, or is
    another's, asks for nobody: "all that match" must never mean more than was seen.

    `with_bin`: the list also shows the bin, instead of the directory and never beside it."""

    def __init__(self, asked: QueryDict, role: Role, *, with_bin: bool = False) -> None:
        self.asked, self.role = asked, role
        self.text = asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX]
        self.is_bin = with_bin and asked.get("status") == IN_BIN
        self.status = asked.get("status", "") if self.is_bin or asked.get("status") in Member.Status else ""
        self.department = _department(asked.get("department", ""), role)
        self.imported = find_one(imports_of(role), asked.get("import", ""))
        found = {"status": self.status, "department": self.department, "import": self.imported}
        self.is_in_vain = any(asked.get(name) and not there for name, there in found.items())
        self.after, self.before = asked.get("after", ""), asked.get("before", "")

    @property
    def is_narrowed(self) -> bool:
        """Does it ask for less than all there is?"""
        return bool(self.text or self.status or self.department or self.imported or self.is_in_vain)

    @property
    def is_by_department(self) -> bool:
        """Does it ask for whole departments?"""
        return not (self.text or self.status or self.imported or self.is_in_vain)

    @cached_property
    def ways(self) -> list[Way]:
        sees_phones = may(self.role, Permission.SEE_PHONES)
        return ways_to(self.text, enterprise=self.role.enterprise, sees_phones=sees_phones)

    def filtered(self) -> MemberQuerySet:
        """By department and status; the search is in `ways`."""
        members = binned_members_of(self.role) if self.is_bin else members_of(self.role)
        if self.is_in_vain:
            return members.none()
        if self.department and (self.department.parent_id or is_scoped(self.role)):
            members = members.under(self.department)
        if self.imported:
            members = members.filter(pk__in=self.imported.created_member_ids())
        return members.filter(status=self.status) if self.status and not self.is_bin else members

    def page_filtered(self) -> MemberQuerySet:
        """The same, for one page in the list's order."""
        return self._filtered_in_turn(ASKED_FROM)

    def count_filtered(self) -> MemberQuerySet:
        """The same, for a count up to a cap, which needs more rows than a page."""
        return self._filtered_in_turn(COUNT_ASKED_FROM)

    def _filtered_in_turn(self, least: int) -> MemberQuerySet:
        department = self.department
        is_small = self.is_bin or self.imported or self.is_in_vain
        if is_small or not department or not least <= department.members_below < ASKED_TO:
            return self.filtered()
        members = members_of(self.role).asked_under(department)
        return members.filter(status=self.status) if self.status else members

    def matching(self) -> MemberQuerySet:
        """All who match, on whatever page."""
        return self.filtered().filter(any_of(self.ways))

    def chosen(self, asked: QueryDict) -> MemberQuerySet:
        """Return whom a bulk action is about: all who match if `all_matching` is set, else those in `members`."""
        if asked.get("all_matching"):
            return self.matching()
        reachable = binned_members_of(self.role) if self.is_bin else members_of(self.role)
        return reachable.filter(pk__in=read_ids(asked.getlist("members")))

    def fields(self, **others: str) -> dict[str, str]:
        """As the address has them, unknown values included: without those an action would be about more members."""
        narrowing = {name: self.asked.get(name, "")[:TEXT_MAX] for name in ("department", "status", "import")}
        fields = {"q": self.text, **narrowing, **others}
        return {name: value for name, value in fields.items() if value}

    def url(self, **others: str) -> str:
        return f"?{urlencode(self.fields(**others))}"


def rows_of(query: MemberQuery) -> tuple[list[MemberRow], Pages]:
    """One page; the same number of queries for three rows and for fifty."""
    page = page_of(query.page_filtered(), query.ways, after=query.after, before=query.before)
    rows = _rows_of(page.ids, write_phone=show_phone if may(query.role, Permission.SEE_PHONES) else mask_phone)
    is_whole = (query.text or query.is_bin) and not page.before and not page.after
    pages = Pages(
        count_text=_count_text(query, found=len(rows) if is_whole else None),
        previous_url=query.url(before=page.before) if page.before else "",
        next_url=query.url(after=page.after) if page.after else "",
    )
    return rows, pages


def _rows_of(ids: list[int], *, write_phone: Callable[[str | None], str]) -> list[MemberRow]:
    """Only what a row shows is read: whole objects of five tables would cost more than drawing the page."""
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
    """In this order, each with `department`, `local` and `domain` of its mailbox."""
    mailbox = FilteredRelation("addresses", condition=Q(addresses__purpose=Address.Purpose.PRIMARY))
    names = {
        "department": F("main_department__name"),
        "local": F("mailbox__local"),
        "domain": F("mailbox__domain__name"),
    }
    members = Member.objects.only(*SHOWN).annotate(mailbox=mailbox).annotate(**names).in_bulk(ids)
    return [members[id] for id in ids if id in members]


def _count_text(query: MemberQuery, *, found: int | None) -> str:
    """A search that fits a page is counted already; departments know their members; all else is counted up to a cap."""
    narrow = NARROW_COUNT_CAP if query.text or query.imported else COUNT_CAP
    cap = NARROWEST_COUNT_CAP if query.department else narrow
    if found is not None:
        count = found
    elif query.is_by_department and (query.department or not is_scoped(query.role)):
        count, cap = _members_below(query), 0
    else:
        count = count_of(query.count_filtered(), query.ways, cap=cap)
    if cap and count > cap:
        return _("%(n)s+ members") % {"n": number_format(cap, force_grouping=True)}
    return ngettext("%(n)s member", "%(n)s members", count) % {"n": number_format(count, force_grouping=True)}


def _members_below(query: MemberQuery) -> int:
    department = query.department or Department.objects.filter(enterprise=query.role.enterprise_id, parent=None).first()
    return department.members_below if department else 0


def _department(id: str, role: Role) -> Department | None:
    return departments_of(role).filter(pk__in=read_ids([id])).first()
