"""Which of the enterprise's messages a list asks for, and how many they are."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Enterprise
from core.pagination import count_capped
from sms.models import Message

PAGE_SIZE = 50
COUNTED = 10_000


def find_messages(
    enterprise: Enterprise, *, state: str = "", kind: str = "", tail: str = "", longest_tail: int = 15
) -> QuerySet[Message]:
    """The messages that `enterprise` sent. `state` may be "failed".

    `tail`: the last digits of the phone, of which `longest_tail` count.
    """
    messages = Message.objects.filter(enterprise=enterprise)
    if state:
        messages = messages.filter(state__in=Message.FAILED if state == "failed" else [state])
    if kind:
        messages = messages.filter(kind=kind)
    if not tail:
        return messages
    digits = "".join(sign for sign in tail if sign in "0123456789")[-longest_tail:]
    return messages.filter(to__endswith=digits) if digits else messages.none()


def count_text(messages: QuerySet[Message]) -> str:
    count = count_capped(messages, COUNTED)
    if count > COUNTED:
        return _("More than 10,000 messages")
    return ngettext("%(count)s message", "%(count)s messages", count) % {"count": count}
