"""The list of bulk actions, and what one of them reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.models import Role
from core.list_query import ListQuery
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from directory.access import binned_members_of, bulk_actions_of, members_of
from directory.models import BulkAction, BulkActionItem, Member

TONES: dict[str, str] = {
    BulkAction.State.WORKING: "accent", BulkAction.State.DONE: "good", BulkAction.State.CANCELLED: "neutral",
    BulkAction.State.FAILED: "bad",
}  # fmt: skip


@dataclass(frozen=True)
class ReportedMember:
    """A member with a reason to report; the name is shown only if the reader may see them (`is_seen`)."""

    member: Member
    reason: str
    is_seen: bool
    holder: Member | None


class BulkActionQuery(ListQuery):
    """The parameters of the list; `q` is searched in the author's name."""

    page_size = 20

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role
        self.kind = self.read_choice("kind", BulkAction.Kind)
        self.state = self.read_choice("state", BulkAction.State)
        self.is_waiting = self.read_waiting()

    def matching(self) -> QuerySet[BulkAction]:
        wanted = {"author_name__icontains": self.text, "kind": self.kind, "state": self.state}
        actions = failed_bulk_actions(self.role) if self.is_waiting else bulk_actions_of(self.role)
        return actions.filter(**{name: value for name, value in wanted.items() if value})

    def rows(self) -> tuple[list[tuple[BulkAction, str]], Page[BulkAction]]:
        """Return the actions of a page, each with the tone of its state."""
        count = count_capped(self.matching())
        count_text = ngettext("%(n)s background task", "%(n)s background tasks", count) % {"n": show_count(count)}
        page = read_page(OrderedRows(self.matching()), self, count_text=count_text)
        return [(action, TONES[action.state]) for action in page.rows], page


def failed_bulk_actions(role: Role) -> QuerySet[BulkAction]:
    """Return those that failed within WAITING_DAYS."""
    since = timezone.now() - timedelta(days=settings.WAITING_DAYS)
    return bulk_actions_of(role).filter(state=BulkAction.State.FAILED, finished_at__gte=since)


def reasons_of(action: BulkAction) -> list[tuple[str, int]]:
    """Return why members were left out, or what else there is to report, with the number of members, most first."""
    counts = action.items.exclude(reason="").order_by().values_list("reason").annotate(number=Count("pk"))
    return [
        (str(BulkActionItem.Reason(reason).label), number) for reason, number in counts.order_by("-number", "reason")
    ]


def reported_members(
    action: BulkAction, role: Role, asked: QueryDict
) -> tuple[list[ReportedMember], Page[BulkActionItem]]:
    """Return a page of these members."""
    items = action.items.exclude(reason="").select_related("member__main_department", "holder")
    count = count_capped(items)
    count_text = ngettext("%(n)s member", "%(n)s members", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(items, is_newest_first=False), ListQuery(asked), count_text=count_text)
    seen = _seen({id for item in page.rows for id in (item.member_id, item.holder_id) if id}, role)
    reported = [
        ReportedMember(item.member, item.get_reason_display(), item.member_id in seen, _shown(item.holder, seen))
        for item in page.rows
    ]
    return reported, page


def _shown(holder: Member | None, seen: set[int]) -> Member | None:
    return holder if holder and holder.pk in seen else None


def _seen(ids: Iterable[int], role: Role) -> set[int]:
    reachable = (members_of(role).filter(pk__in=ids), binned_members_of(role).filter(pk__in=ids))
    return {pk for members in reachable for pk in members.values_list("pk", flat=True)}
