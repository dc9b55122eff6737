"""The list of batches, and the recipients of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, F, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Role
from core.pagination import COUNT_CAP, Pages, count_capped, read_page
from directory.access import is_scoped
from directory.joining.invitations import PURPOSE, subject_of
from directory.members.search_keys import plain
from directory.models.lookups import begins
from invitations.batches.send import PARTS, State, those
from invitations.models import InvitationBatch, Recipient
from sms.models import Message

PAGE_SIZE = 50
TEXT_MAX = 64
LABELS = {
    State.WAITING: gettext_lazy("Waiting"),
    State.SENT: gettext_lazy("Invited"),
    State.LEFT_OUT: gettext_lazy("Left out"),
    "joined": gettext_lazy("Joined since"),
    "failed": gettext_lazy("Message failed"),
}


@dataclass(frozen=True)
class Tab:
    """A part of the list, how many are in it, and its address."""

    state: str
    label: str
    count: int
    url: str
    is_current: bool


class BatchQuery:
    """What the list of batches is asked for: `q` is searched in whom they were meant for and who sent them."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        self.asked, self.role = asked, role
        self.text = _text(asked)

    def matching(self) -> QuerySet[InvitationBatch]:
        found = batches_of(self.role)
        if self.text:
            found = found.filter(Q(about__icontains=self.text) | Q(author_name__icontains=self.text))
        return found

    def url(self, **others: object) -> str:
        return _url({"q": self.text}, others)


class RecipientQuery:
    """What one batch's list is asked for. Nonsense in it is left out."""

    def __init__(self, asked: QueryDict, batch: InvitationBatch) -> None:
        self.asked, self.batch = asked, batch
        self.text = _text(asked)
        self.state = asked.get("state", "") if asked.get("state") in PARTS else ""

    def matching(self) -> QuerySet[Recipient]:
        found = self.batch.recipients.select_related("member", "invitation")
        if self.state:
            found = found.filter(those(self.state, self.batch))
        if self.text:
            typed = plain(self.text)
            named = Q(member__name__icontains=self.text) | begins("member__initials", typed)
            found = found.filter(named | begins("member__pinyin", typed.replace(" ", "")))
        return found

    def url(self, **others: object) -> str:
        return _url({"state": self.state, "q": self.text}, others)

    def tabs(self, counts: dict[str, int]) -> list[Tab]:
        every = Tab("", _("All"), self.batch.total, self.url(state=""), not self.state)
        parts = [Tab(part, str(LABELS[part]), counts[part], self.url(state=part), part == self.state) for part in PARTS]
        return [every, *parts]


def batches_of(role: Role) -> QuerySet[InvitationBatch]:
    """A department administrator sees their own."""
    batches = InvitationBatch.objects.filter(enterprise=role.enterprise_id).select_related("enterprise")
    return batches.filter(author=role.user_id) if is_scoped(role) else batches


def batch_rows(query: BatchQuery) -> tuple[list[tuple[InvitationBatch, dict[str, int]]], Pages]:
    """One page of batches with their counts: two statements, however many there are."""
    page = read_page(query.matching(), query.asked, url=query.url, size=PAGE_SIZE)
    sent = Q(recipients__state=State.SENT)
    counts = InvitationBatch.objects.filter(pk__in=[batch.pk for batch in page.rows]).values("pk").order_by()
    counts = counts.annotate(
        sent=Count("recipients", filter=sent),
        left_out=Count("recipients", filter=Q(recipients__state=State.LEFT_OUT)),
        joined=Count("recipients", filter=sent & Q(recipients__member__joined_at__gte=F("created_at"))),
    )
    by_batch: dict[int, Any] = {row["pk"]: row for row in counts}
    count = count_capped(query.matching())
    words = ngettext("%(n)s notice", "%(n)s notices", count) % {"n": _capped(count)}
    return [(one, by_batch[one.pk]) for one in page.rows], Pages(words, page.previous_url, page.next_url)


def recipient_rows(query: RecipientQuery) -> tuple[list[tuple[Recipient, Message | None]], Pages]:
    """One page of a batch's list, each with the message that carried it."""
    page = read_page(query.matching(), query.asked, url=query.url, size=PAGE_SIZE, is_newest_first=False)
    subjects = [subject_of(one.member) for one in page.rows]
    carried = Message.objects.filter(purpose=PURPOSE, subject__in=subjects)
    messages = {(message.subject, message.logical_no): message for message in carried}
    rows = [
        (one, messages.get((subject_of(one.member), one.invitation.number)) if one.invitation else None)
        for one in page.rows
    ]
    count = count_capped(query.matching())
    words = ngettext("%(n)s person", "%(n)s people", count) % {"n": _capped(count)}
    return rows, Pages(words, page.previous_url, page.next_url)


def _capped(count: int) -> str:
    return f"{COUNT_CAP:,}+" if count > COUNT_CAP else str(count)


def _text(asked: QueryDict) -> str:
    return asked.get("q", "").replace("\0", "").strip()[:TEXT_MAX]


def _url(fields: dict[str, object], others: dict[str, object]) -> str:
    return f"?{urlencode({name: value for name, value in {**fields, **others}.items() if value})}"
