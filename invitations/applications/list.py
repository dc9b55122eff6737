"""The list of applications as its page shows it and as a file: newest first, a page at a time, by key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role
from accounts.permissions import Permission, may
from core.pagination import COUNT_CAP, Pages, count_capped, read_page
from directory.access import find_one, members_of
from directory.members.search_keys import plain
from directory.models.lookups import begins
from invitations.access import applications_of
from invitations.models import Application, JoinLink
from sms.phones import mask_phone, show_phone

PAGE_SIZE = 50
TEXT_MAX = 100


@dataclass(frozen=True)
class ApplicationRow:
    application: Application
    phone: str
    way: str


@dataclass(frozen=True)
class Tab:
    """A state, how many are in it (text, "10,000+" at most), and the address of its list."""

    state: str
    label: str
    count: int
    url: str
    is_current: bool


class ApplicationQuery:
    """What a list's address asks for. Nonsense in it is left out."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        self.asked, self.role = asked, role
        self.text = asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX]
        self.state = asked.get("state", "") if asked.get("state") in Application.State else Application.State.PENDING
        self.link = find_one(JoinLink.objects.filter(enterprise=role.enterprise_id), asked.get("link", ""))
        self.inviter = find_one(members_of(role), asked.get("inviter", ""))

    def matching(self) -> QuerySet[Application]:
        """All that match, on whatever page."""
        return self._searched().filter(state=self.state)

    def url(self, **others: object) -> str:
        return f"?{urlencode({**self.fields(), **others})}"

    def whole_url(self, **others: object) -> str:
        """Also right where a refused action shows the list at the action's own address."""
        return reverse("invitations:application_list") + self.url(**others)

    def fields(self) -> dict[str, object]:
        """As the address has them, and as a form that means all that match must carry them."""
        ids = {"link": self.link and self.link.pk, "inviter": self.inviter and self.inviter.pk}
        fields = {"state": self.state, "q": self.text, **ids}
        return {name: value for name, value in fields.items() if value}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.link or self.inviter)

    def tabs(self) -> list[Tab]:
        """Each state with the number that match the search in it."""
        counted = self._searched().order_by().values_list("state").annotate(Count("pk"))
        counts = dict(counted)
        return [
            Tab(state, str(state.label), counts.get(state, 0), self.whole_url(state=state), state == self.state)
            for state in Application.State
        ]

    def _searched(self) -> QuerySet[Application]:
        applications = applications_of(self.role)
        # What is asked for and isn't there matches nobody: "all that match" must never mean more than was seen.
        if self.link or self.asked.get("link"):
            applications = applications.filter(link=self.link or 0)
        if self.inviter or self.asked.get("inviter"):
            applications = applications.filter(inviter=self.inviter or 0)
        return applications.filter(self._found()) if self.text else applications

    def _found(self) -> Q:
        typed = plain(self.text)
        local, _at, domain = typed.partition("@")
        found = Q(name__icontains=self.text) | begins("pinyin", typed.replace(" ", "")) | begins("initials", typed)
        found |= Q(prefix=local) & begins("domain__name", domain) if _at else begins("prefix", typed)
        digits = "".join(sign for sign in typed if sign in "0123456789")
        if may(self.role, Permission.SEE_PHONES) and len(digits) >= 4 and len(digits) == len(typed.lstrip("+")):
            found |= Q(phone__endswith=digits)
        return found


def rows_of(query: ApplicationQuery) -> tuple[list[ApplicationRow], Pages]:
    """One page; the same number of queries for three rows and for fifty."""
    page = read_page(_whole(query.matching()), query.asked, url=query.whole_url, size=PAGE_SIZE)
    rows = [ApplicationRow(one, phone_for(query.role, one), way_of(one)) for one in page.rows]
    return rows, Pages(_count_text(query), page.previous_url, page.next_url)


def sheet_of(query: ApplicationQuery) -> tuple[list[str], Iterator[list[str]]]:
    """The headings and all that match, as texts."""
    headings = [
        _("Name"),
        _("Address"),
        _("Phone"),
        _("Department"),
        _("Came by"),
        _("Applied"),
        _("State"),
        _("Decided"),
        _("Decided by"),
        _("Reason"),
    ]
    return headings, (_texts(query.role, one) for one in _whole(query.matching()).iterator(chunk_size=1000))


def way_of(application: Application) -> str:
    """By whom or what the applicant came."""
    if application.inviter:
        return _("invited by %(name)s") % {"name": application.inviter.name}
    return application.link.name if application.link and application.link.name else _("the join link")


def _texts(role: Role, one: Application) -> list[str]:
    return [
        one.name,
        one.wanted_address,
        phone_for(role, one),
        one.department.name if one.department else "",
        way_of(one),
        _moment(one.created_at),
        str(one.get_state_display()),
        _moment(one.decided_at),
        str(one.decided_by or ""),
        one.reason,
    ]


def _moment(at: datetime | None) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M") if at else ""


def _whole(applications: QuerySet[Application]) -> QuerySet[Application]:
    return applications.select_related("domain", "department", "inviter", "link", "decided_by")


def phone_for(role: Role, application: Application) -> str:
    """In full to who may see phones."""
    return (show_phone if may(role, Permission.SEE_PHONES) else mask_phone)(application.phone)


def _count_text(query: ApplicationQuery) -> str:
    count = count_capped(query.matching())
    if count > COUNT_CAP:
        return _("%(n)s+ applications") % {"n": number_format(COUNT_CAP, force_grouping=True)}
    return ngettext("%(n)s application", "%(n)s applications", count) % {"n": number_format(count, force_grouping=True)}
