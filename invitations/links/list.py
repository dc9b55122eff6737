"""The list of named links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Role
from core.list_query import ListQuery, Tab
from core.pagination import OrderedRows, Page, read_page
from invitations.access import named_links_of
from invitations.links.actions import LinkStatus, has_status, own_status
from invitations.links.named import ending_links, last_day_of
from invitations.models import JoinLink

LABELS: dict[LinkStatus, Promise | str] = {
    LinkStatus.ACTIVE: _("Active"),
    LinkStatus.EXPIRED: _("Expired"),
    LinkStatus.FULL: _("Used up"),
    LinkStatus.REVOKED: _("Revoked"),
}
TONES = {LinkStatus.ACTIVE: "good", LinkStatus.EXPIRED: "warn", LinkStatus.FULL: "warn", LinkStatus.REVOKED: "neutral"}


@dataclass(frozen=True)
class LinkRow:
    link: JoinLink
    status: LinkStatus

    @property
    def label(self) -> str:
        return str(LABELS[self.status])

    @property
    def last_day(self) -> date | None:
        return last_day_of(self.link)

    @property
    def tone(self) -> str:
        return TONES[self.status]


class LinkQuery(ListQuery):
    """The parameters of the list; its tabs are the states of links."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role
        self.state = LinkStatus(self.read_tab("state", LABELS, default=LinkStatus.ACTIVE))
        self.is_waiting = self.read_waiting()

    def matching(self) -> QuerySet[JoinLink]:
        return self._searched().filter(has_status(self.state))

    def state_tabs(self) -> list[Tab]:
        counts = self._searched().aggregate(**{state: Count("pk", filter=has_status(state)) for state in LABELS})
        return self.tabs("state", LABELS, counts)

    def _searched(self) -> QuerySet[JoinLink]:
        links = ending_links(self.role) if self.is_waiting else named_links_of(self.role)
        return links.filter(name__icontains=self.text) if self.text else links


def row_of(link: JoinLink) -> LinkRow:
    return LinkRow(link, own_status(link))


def rows_of(query: LinkQuery) -> tuple[list[LinkRow], Page[JoinLink]]:
    count = query.matching().count()
    count_text = ngettext("%(n)s link", "%(n)s links", count) % {"n": count}
    page = read_page(OrderedRows(query.matching()), query, count_text=count_text)
    return [row_of(link) for link in page.rows], page
