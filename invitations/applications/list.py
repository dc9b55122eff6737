"""The list of applications, as a page and as a file; newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Role
from accounts.permissions import Permission, may
from core.list_query import ListQuery, Tab
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from directory.access import members_of
from directory.members.search import by_name
from directory.members.search_keys import plain
from directory.models.lookups import begins
from invitations.access import applications_of
from invitations.models import Application, JoinLink
from sms.phones import mask_phone, show_phone


@dataclass(frozen=True)
class ApplicationRow:
    application: Application
    phone: str
    way: str


class ApplicationQuery(ListQuery):
    """The parameters of the list; its tabs are the states. An unknown link or inviter matches nothing."""

    text_max = 100
    view_name = "invitations:application_list"

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role
        self.state = self.read_tab("state", Application.State, default=Application.State.PENDING)
        self.link = self.read_row("link", JoinLink.objects.filter(enterprise=role.enterprise_id))
        self.inviter = self.read_row("inviter", members_of(role))

    def matching(self) -> QuerySet[Application]:
        return self._searched().filter(state=self.state)

    def state_tabs(self) -> list[Tab]:
        counts = self._searched().order_by().values_list("state").annotate(Count("pk"))
        return self.tabs("state", dict(Application.State.choices), dict(counts))

    def _searched(self) -> QuerySet[Application]:
        """Return what search and filters match, in any state."""
        applications = applications_of(self.role)
        if self.matches_nothing:
            return applications.none()
        wanted = {"link": self.link, "inviter": self.inviter}
        applications = applications.filter(**{name: row for name, row in wanted.items() if row})
        return applications.filter(self._found()) if self.text else applications

    def _found(self) -> Q:
        typed = plain(self.text)
        local, at, domain = typed.partition("@")
        found = by_name(self.text) | (
            Q(prefix=local) & begins("domain__name", domain) if at else begins("prefix", typed)
        )
        digits = "".join(character for character in typed if character in "0123456789")
        if may(self.role, Permission.SEE_PHONES) and len(digits) >= 4 and len(digits) == len(typed.lstrip("+")):
            found |= Q(phone__endswith=digits)
        return found


def rows_of(query: ApplicationQuery) -> tuple[list[ApplicationRow], Page[Application]]:
    """Return the rows of a page, in the same number of queries for three and for fifty."""
    count = count_capped(query.matching())
    count_text = ngettext("%(n)s join request", "%(n)s join requests", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(with_relations(query.matching())), query, count_text=count_text)
    return [ApplicationRow(one, phone_for(query.role, one), way_of(one)) for one in page.rows], page


def sheet_of(query: ApplicationQuery) -> tuple[list[str], Iterator[list[str]]]:
    """Return the headings, and a row of texts for each application that matches."""
    headings = [
        _("Name"),
        _("Address"),
        _("Phone"),
        _("Department"),
        _("Source"),
        _("Requested"),
        _("Status"),
        _("Reviewed"),
        _("Reviewed by"),
        _("Reason"),
    ]
    return headings, (_texts(query.role, one) for one in with_relations(query.matching()).iterator(chunk_size=1000))


def way_of(application: Application) -> str:
    """Return in words by whom or by which link the applicant came."""
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


def with_relations(applications: QuerySet[Application]) -> QuerySet[Application]:
    return applications.select_related("domain", "department", "inviter", "link", "decided_by")


def phone_for(role: Role, application: Application) -> str:
    """Return the phone, masked unless the role may see phones."""
    return (show_phone if may(role, Permission.SEE_PHONES) else mask_phone)(application.phone)
