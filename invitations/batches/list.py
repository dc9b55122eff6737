"""The list of batches, and the recipients of one."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Role
from core.list_query import ListQuery, Tab
from core.pagination import OrderedRows, Page, count_capped, read_page, show_count
from directory.access import binned_members_of, is_scoped, members_of
from directory.joining.invitations import PURPOSE, subject_of
from directory.members.search import by_name
from invitations.access import batches_of
from invitations.batches.send import PARTS, State, in_part
from invitations.models import InvitationBatch, Recipient
from invitations.models.batches import CHOSEN_BY
from sms.models import Message

LABELS = {
    State.WAITING: gettext_lazy("Waiting"),
    State.SENT: gettext_lazy("Invited"),
    State.LEFT_OUT: gettext_lazy("Skipped"),
    "joined": gettext_lazy("Joined since"),
    "failed": gettext_lazy("SMS failed"),
}


class BatchQuery(ListQuery):
    """The parameters of the list; `q` is searched in the description of the recipients and in the author's name."""

    def __init__(self, asked: QueryDict, role: Role) -> None:
        super().__init__(asked)
        self.role = role

    def matching(self) -> QuerySet[InvitationBatch]:
        found = batches_of(self.role)
        if not self.text:
            return found
        named = [value for value, label in CHOSEN_BY.items() if self.text.lower() in str(label).lower()]
        words = Q(about__icontains=self.text) | Q(author_name__icontains=self.text)
        return found.filter(words | Q(chosen_by__in=named))


class RecipientQuery(ListQuery):
    """The parameters of a batch's list of recipients; those who left the role's departments are not listed."""

    def __init__(self, asked: QueryDict, batch: InvitationBatch, role: Role) -> None:
        super().__init__(asked)
        self.batch, self.role = batch, role
        self.state = self.read_tab("state", PARTS)

    def matching(self) -> QuerySet[Recipient]:
        found = self.batch.recipients.select_related("member", "invitation")
        if is_scoped(self.role):
            found = found.filter(Q(member__in=members_of(self.role)) | Q(member__in=binned_members_of(self.role)))
        if self.state:
            found = found.filter(in_part(self.state, self.batch))
        return found.filter(by_name(self.text, "member__")) if self.text else found

    def state_tabs(self, counts: dict[str, int]) -> list[Tab]:
        return self.tabs("state", {"": _("All"), **LABELS}, {"": self.batch.total, **counts})


def batch_rows(query: BatchQuery) -> tuple[list[tuple[InvitationBatch, dict[str, int]]], Page[InvitationBatch]]:
    """Return the batches of a page, each with its counts, in two queries whatever their number."""
    count = count_capped(query.matching())
    count_text = ngettext("%(n)s invitation batch", "%(n)s invitation batches", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(query.matching()), query, count_text=count_text)
    sent = Q(recipients__state=State.SENT)
    counts = InvitationBatch.objects.filter(pk__in=[batch.pk for batch in page.rows]).values("pk").order_by()
    counts = counts.annotate(
        sent=Count("recipients", filter=sent),
        left_out=Count("recipients", filter=Q(recipients__state=State.LEFT_OUT)),
        joined=Count("recipients", filter=sent & Q(recipients__member__joined_at__gte=F("created_at"))),
    )
    by_batch: dict[int, Any] = {row["pk"]: row for row in counts}
    return [(batch, by_batch[batch.pk]) for batch in page.rows], page


def recipient_rows(query: RecipientQuery) -> tuple[list[tuple[Recipient, Message | None]], Page[Recipient]]:
    """Return the recipients of a page, each with the message that carried the invitation."""
    count = count_capped(query.matching())
    count_text = ngettext("%(n)s person", "%(n)s people", count) % {"n": show_count(count)}
    page = read_page(OrderedRows(query.matching(), is_newest_first=False), query, count_text=count_text)
    subjects = [subject_of(one.member) for one in page.rows]
    carried = Message.objects.filter(purpose=PURPOSE, subject__in=subjects)
    messages = {(message.subject, message.logical_no): message for message in carried}
    rows = [
        (one, messages.get((subject_of(one.member), one.invitation.number)) if one.invitation else None)
        for one in page.rows
    ]
    return rows, page
