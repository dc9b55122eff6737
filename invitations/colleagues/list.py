"""Members by what came of the invitation links they passed on."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import ngettext

from accounts.models import Role
from core.list_query import ListQuery
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from directory.access import members_of
from directory.members.search import by_name
from directory.models import Member
from invitations.access import applications_of
from invitations.models import Application

State = Application.State


@dataclass(frozen=True)
class Invited:
    """The number of applications that came by a member's link."""

    all: int = 0
    waiting: int = 0
    joined: int = 0

    @property
    def neither(self) -> int:
        """Rejected or withdrawn."""
        return self.all - self.waiting - self.joined


def invited_by(applications: QuerySet[Application], members: list[Member]) -> dict[int, Invited]:
    """Return the counts by member id, in one query; members who invited nobody are left out."""
    waiting, joined = Q(state=State.PENDING), Q(state=State.APPROVED)
    counted = applications.filter(inviter__in=members).order_by().values("inviter")
    counted = counted.annotate(all=Count("pk"), waiting=Count("pk", filter=waiting), joined=Count("pk", filter=joined))
    return {row["inviter"]: Invited(row["all"], row["waiting"], row["joined"]) for row in counted}


class InviterQuery(ListQuery):
    """The parameters of the list of members by whose link somebody applied."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role

    def matching(self) -> QuerySet[Member]:
        inviting = applications_of(self.role).filter(inviter__isnull=False).values("inviter")
        found = members_of(self.role).filter(pk__in=inviting).select_related("main_department")
        return found.filter(by_name(self.text)) if self.text else found


def rows_of(query: InviterQuery) -> tuple[list[tuple[Member, Invited]], Page[Member]]:
    count = count_capped(query.matching())
    count_text = ngettext("%(n)s member", "%(n)s members", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(query.matching()), query, count_text=count_text)
    invited = invited_by(applications_of(query.role), page.rows)
    return [(member, invited.get(member.pk, Invited())) for member in page.rows], page
