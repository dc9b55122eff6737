"""Bulk actions as their pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.translation import ngettext

from accounts.models import Role
from core.pagination import Pages, count_capped, read_page
from directory.access import binned_members_of, bulk_actions_of, members_of
from directory.models import BulkAction, BulkActionItem, Member

PAGE_SIZE = 20
TOLD_PAGE_SIZE = 50
TONES: dict[str, str] = {
    BulkAction.State.WORKING: "accent", BulkAction.State.DONE: "good", BulkAction.State.CANCELLED: "neutral",
    BulkAction.State.FAILED: "bad",
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One member of whom there is something to tell; without `is_seen` no name is shown."""

    member: Member
    reason: str
    is_seen: bool
    holder: Member | None


class BulkActionQuery:
    """What the list's address asks for. Nonsense in it is left out."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        self.asked, self.role = asked, role
        self.text = asked.get("q", "").replace("\0", "").strip()[:64]
        self.kind = asked.get("kind", "") if asked.get("kind") in BulkAction.Kind else ""
        self.state = asked.get("state", "") if asked.get("state") in BulkAction.State else ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.kind or self.state)

    def url(self, **key: int) -> str:
        fields = {"q": self.text, "kind": self.kind, "state": self.state, **key}
        return f"?{urlencode({name: value for name, value in fields.items() if value})}"

    def rows(self) -> tuple[list[tuple[BulkAction, str]], Pages]:
        """Newest first, each with the tone of its state."""
        found = bulk_actions_of(self.role)
        for name, value in (("author_name__icontains", self.text), ("kind", self.kind), ("state", self.state)):
            found = found.filter(**{name: value}) if value else found
        page = read_page(found, self.asked, url=self.url, size=PAGE_SIZE)
        count = count_capped(found)
        words = ngettext("%(n)s bulk action", "%(n)s bulk actions", count)
        pages = Pages(words % {"n": number_format(count, force_grouping=True)}, page.previous_url, page.next_url)
        return [(action, TONES[action.state]) for action in page.rows], pages


def reasons_of(action: BulkAction) -> list[tuple[str, int]]:
    """Why members were left out, or what else is to be told of them, and of how many; the most frequent first."""
    counts = action.items.exclude(reason="").order_by().values_list("reason").annotate(number=Count("pk"))
    return [
        (str(BulkActionItem.Reason(reason).label), number) for reason, number in counts.order_by("-number", "reason")
    ]


def told_of_action(action: BulkAction, role: Role, asked: QueryDict) -> tuple[list[Told], Pages]:
    """Those members one by one, a page at a time."""
    items = action.items.exclude(reason="").select_related("member__main_department", "holder")
    page = read_page(items, asked, url=lambda **key: f"?{urlencode(key)}", size=TOLD_PAGE_SIZE, is_newest_first=False)
    seen = _seen({id for item in page.rows for id in (item.member_id, item.holder_id) if id}, role)
    told = [
        Told(item.member, item.get_reason_display(), item.member_id in seen, _shown(item.holder, seen))
        for item in page.rows
    ]
    count = count_capped(items)
    words = ngettext("%(n)s member", "%(n)s members", count) % {"n": number_format(count, force_grouping=True)}
    return told, Pages(words, page.previous_url, page.next_url)


def _shown(holder: Member | None, seen: set[int]) -> Member | None:
    return holder if holder and holder.pk in seen else None


def _seen(ids: Iterable[int], role: Role) -> set[int]:
    reachable = (members_of(role).filter(pk__in=ids), binned_members_of(role).filter(pk__in=ids))
    return {pk for members in reachable for pk in members.values_list("pk", flat=True)}
