"""The list of applications as its page shows it: newest first, a page at a time, by key."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import Permission, may
from accounts.models import Role
from accounts.paging import COUNT_CAP, Pages, count_capped, read_page
from directory.querysets import begins
from directory.search_keys import plain
from invitations.access import applications_of
from invitations.models import Application
from sms.phones import mask_phone, show_phone

PAGE_SIZE = 50
TEXT_MAX = 100


@dataclass(frozen=True)
class ApplicationRow:
    application: Application
    phone: str


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

    def matching(self) -> QuerySet[Application]:
        """All that match, on whatever page."""
        return self._searched().filter(state=self.state)

    def url(self, **others: object) -> str:
        fields = {"state": self.state, "q": self.text, **others}
        return f"?{urlencode({name: value for name, value in fields.items() if value})}"

    def tabs(self) -> list[Tab]:
        """Each state with the number that match the search in it."""
        counted = self._searched().order_by().values_list("state").annotate(Count("pk"))
        counts = dict(counted)
        return [
            Tab(state, str(state.label), counts.get(state, 0), self.url(state=state), state == self.state)
            for state in Application.State
        ]

    def _searched(self) -> QuerySet[Application]:
        applications = applications_of(self.role)
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
    found = query.matching().select_related("domain", "department", "inviter", "decided_by")
    page = read_page(found, query.asked, url=query.url, size=PAGE_SIZE)
    rows = [ApplicationRow(one, phone_for(query.role, one)) for one in page.rows]
    return rows, Pages(_count_text(query), page.previous_url, page.next_url)


def phone_for(role: Role, application: Application) -> str:
    """In full to who may see phones."""
    return (show_phone if may(role, Permission.SEE_PHONES) else mask_phone)(application.phone)


def _count_text(query: ApplicationQuery) -> str:
    count = count_capped(query.matching())
    if count > COUNT_CAP:
        return _("%(n)s+ applications") % {"n": number_format(COUNT_CAP, force_grouping=True)}
    return ngettext("%(n)s application", "%(n)s applications", count) % {"n": number_format(count, force_grouping=True)}
