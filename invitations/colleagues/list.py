"""Who invited whom: members by what came of the links they passed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import ngettext

from accounts.models import Role
from core.pagination import COUNT_CAP, Pages, count_capped, read_page
from directory.access import members_of
from directory.members.search_keys import plain
from directory.models import Member
from directory.models.lookups import begins
from invitations.access import applications_of
from invitations.models import Application

PAGE_SIZE = 50
TEXT_MAX = 64
State = Application.State


@dataclass(frozen=True)
class Invited:
    """What came of a member's invitations."""

    all: int = 0
    waiting: int = 0
    joined: int = 0

    @property
    def neither(self) -> int:
        """Rejected or withdrawn."""
        return self.all - self.waiting - self.joined


def invited_by(applications: QuerySet[Application], members: list[Member]) -> dict[int, Invited]:
    """By member's id, in one statement; who invited nobody is not in it."""
    waiting, joined = Q(state=State.PENDING), Q(state=State.APPROVED)
    counted = applications.filter(inviter__in=members).order_by().values("inviter")
    counted = counted.annotate(all=Count("pk"), waiting=Count("pk", filter=waiting), joined=Count("pk", filter=joined))
    return {row["inviter"]: Invited(row["all"], row["waiting"], row["joined"]) for row in counted}


class InviterQuery:
    """What the list's address asks for."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        self.asked, self.role = asked, role
        self.text = asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX]

    def matching(self) -> QuerySet[Any]:
        """Members by whose link somebody has come, among those this role may see."""
        inviting = applications_of(self.role).filter(inviter__isnull=False).values("inviter")
        found = members_of(self.role).filter(pk__in=inviting).select_related("main_department")
        if not self.text:
            return found
        typed = plain(self.text)
        named = Q(name__icontains=self.text) | begins("initials", typed) | begins("pinyin", typed.replace(" ", ""))
        return found.filter(named)

    def url(self, **others: object) -> str:
        return f"?{urlencode({name: value for name, value in {'q': self.text, **others}.items() if value})}"


def rows_of(query: InviterQuery) -> tuple[list[tuple[Member, Invited]], Pages]:
    page = read_page(query.matching(), query.asked, url=query.url, size=PAGE_SIZE)
    invited = invited_by(applications_of(query.role), page.rows)
    count = count_capped(query.matching())
    words = ngettext("%(n)s member", "%(n)s members", count)
    shown = f"{COUNT_CAP:,}+" if count > COUNT_CAP else str(count)
    rows = [(member, invited.get(member.pk, Invited())) for member in page.rows]
    return rows, Pages(words % {"n": shown}, page.previous_url, page.next_url)
