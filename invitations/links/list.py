"""The list of named links as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Role
from core.pagination import Pages, read_page
from invitations.access import named_links_of
from invitations.links.actions import Standing, own_standing, those
from invitations.links.named import last_day_of
from invitations.models import JoinLink

PAGE_SIZE = 50
TEXT_MAX = 64
WORDS: dict[Standing, Promise | str] = {
    Standing.LIVING: _("Live"),
    Standing.EXPIRED: _("Expired"),
    Standing.FULL: _("Used up"),
    Standing.REVOKED: _("Revoked"),
}
TONES = {Standing.LIVING: "good", Standing.EXPIRED: "warn", Standing.FULL: "warn", Standing.REVOKED: "neutral"}


@dataclass(frozen=True)
class LinkRow:
    link: JoinLink
    standing: Standing

    @property
    def word(self) -> str:
        return str(WORDS[self.standing])

    @property
    def last_day(self) -> date | None:
        return last_day_of(self.link)

    @property
    def tone(self) -> str:
        return TONES[self.standing]


@dataclass(frozen=True)
class Tab:
    """A state, how many are in it, and the address of its list."""

    state: str
    label: str
    count: int
    url: str
    is_current: bool


class LinkQuery:
    """What a list's address asks for. Nonsense in it is left out."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        self.asked, self.role = asked, role
        self.text = asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX]
        state = asked.get("state", "")
        self.state = Standing(state) if state in WORDS else Standing.LIVING

    def matching(self) -> QuerySet[JoinLink]:
        return self._searched().filter(those(self.state))

    def url(self, **others: object) -> str:
        fields = {"state": self.state, "q": self.text, **others}
        return f"?{urlencode({name: value for name, value in fields.items() if value})}"

    def tabs(self) -> list[Tab]:
        counts = self._searched().aggregate(**{state: Count("pk", filter=those(state)) for state in WORDS})
        return [
            Tab(state, str(word), counts[state], self.url(state=state), state == self.state)
            for state, word in WORDS.items()
        ]

    def _searched(self) -> QuerySet[JoinLink]:
        return named_links_of(self.role).filter(Q(name__icontains=self.text) if self.text else Q())


def row_of(link: JoinLink) -> LinkRow:
    return LinkRow(link, own_standing(link))


def rows_of(query: LinkQuery) -> tuple[list[LinkRow], Pages]:
    page = read_page(query.matching(), query.asked, url=query.url, size=PAGE_SIZE)
    count = query.matching().count()
    words = ngettext("%(n)s link", "%(n)s links", count) % {"n": count}
    return [row_of(link) for link in page.rows], Pages(words, page.previous_url, page.next_url)
