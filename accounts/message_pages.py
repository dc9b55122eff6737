"""The enterprise's messages, a page at a time, by key."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Enterprise
from sms.models import Message

PAGE_SIZE = 50
COUNTED = 10_000
FAILED = [Message.State.REJECTED, Message.State.UNKNOWN]


@dataclass(frozen=True)
class MessagePage:
    messages: list[Message]
    count_text: str
    previous_url: str
    next_url: str


def find_messages(
    enterprise: Enterprise, *, state: str = "", kind: str = "", tail: str = "", longest_tail: int = 15
) -> QuerySet[Message]:
    """The messages that `enterprise` sent. `state` may be "failed".

    `tail`: the last digits of the phone, of which `longest_tail` count.
    """
    messages = Message.objects.filter(enterprise=enterprise)
    if state:
        messages = messages.filter(state__in=FAILED if state == "failed" else [state])
    if kind:
        messages = messages.filter(kind=kind)
    if not tail:
        return messages
    digits = "".join(sign for sign in tail if sign in "0123456789")[-longest_tail:]
    return messages.filter(to__endswith=digits) if digits else messages.none()


def read_page(messages: QuerySet[Message], *, before: str = "", after: str = "", query: dict[str, str]) -> MessagePage:
    """Newest first; `before` and `after` are ids as the address gives them, `query` the filters to keep."""
    if after.isdecimal():
        found = list(messages.filter(pk__gt=int(after[:18])).order_by("pk")[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE][::-1]
        has_newer, has_older = len(found) > PAGE_SIZE, True
    else:
        older = messages.filter(pk__lt=int(before[:18])) if before.isdecimal() else messages
        found = list(older.order_by("-pk")[: PAGE_SIZE + 1])
        shown = found[:PAGE_SIZE]
        has_newer, has_older = before.isdecimal(), len(found) > PAGE_SIZE
    return MessagePage(
        messages=shown,
        count_text=_count_text(messages),
        previous_url=_url(query, after=shown[0].pk) if shown and has_newer else "",
        next_url=_url(query, before=shown[-1].pk) if shown and has_older else "",
    )


def _count_text(messages: QuerySet[Message]) -> str:
    count = messages.order_by()[: COUNTED + 1].count()
    if count > COUNTED:
        return _("More than 10,000 messages")
    return ngettext("%(count)s message", "%(count)s messages", count) % {"count": count}


def _url(query: dict[str, str], **key: int) -> str:
    return "?" + urlencode({**{name: value for name, value in query.items() if value}, **key})
