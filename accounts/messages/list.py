"""The messages that an enterprise sent, as their page lists them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Collate, Reverse
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.models import Enterprise
from core.list_query import ListQuery
from core.pagination import COUNT_CAP, count_capped, show_count
from sms.models import Message

VISIBLE_DIGITS = 4
# ITU-T E.164.
PHONE_DIGITS_MAX = 15


class MessageQuery(ListQuery):
    """The parameters of the list. `q`: the last digits of the phone; `state` may be "failed", for all of FAILED.

    Who sees phones masked searches for no more digits than are shown: the others could be guessed one by one.
    """

    def __init__(self, asked: QueryDict, enterprise: Enterprise, *, sees_phones: bool) -> None:
        super().__init__(asked)
        self.enterprise = enterprise
        self.digits_max = PHONE_DIGITS_MAX if sees_phones else VISIBLE_DIGITS
        self.state = self.read_choice("state", {"failed", *Message.State})
        self.kind = self.read_choice("kind", Message.Kind)
        self.is_waiting = self.read_waiting()

    def matching(self) -> QuerySet[Message]:
        messages = waiting_messages(self.enterprise) if self.is_waiting else enterprise_messages(self.enterprise)
        if self.state:
            messages = messages.filter(state__in=Message.FAILED if self.state == "failed" else [self.state])
        if self.kind:
            messages = messages.filter(kind=self.kind)
        return self._searched(messages) if self.text else messages

    def count_text(self) -> str:
        count = count_capped(self.matching(), COUNT_CAP)
        return ngettext("%(count)s message", "%(count)s messages", count) % {"count": show_count(count, COUNT_CAP)}

    def _searched(self, messages: QuerySet[Message]) -> QuerySet[Message]:
        digits = "".join(character for character in self.text if character in "0123456789")[-self.digits_max :]
        return messages.filter(_phone_ends_with(digits)) if digits else messages.none()


def enterprise_messages(enterprise: Enterprise) -> QuerySet[Message]:
    """Return all messages of the enterprise."""
    return Message.objects.filter(enterprise=enterprise)


def waiting_messages(enterprise: Enterprise) -> QuerySet[Message]:
    """Return the messages of the last WAITING_DAYS that failed or whose outcome is unknown, and that none replaced.

    Codes are left out: their recipients ask for another one.
    """
    since = timezone.now() - timedelta(days=settings.WAITING_DAYS)
    newer = Message.objects.filter(
        purpose=OuterRef("purpose"), subject=OuterRef("subject"), logical_no__gt=OuterRef("logical_no")
    )
    failed = enterprise_messages(enterprise).filter(state__in=Message.FAILED, created_at__gte=since)
    return failed.exclude(kind=Message.Kind.CODE).filter(~Exists(newer))


def _phone_ends_with(digits: str) -> Q:
    """Return the condition, on PostgreSQL in the form that message_by_phone_tail serves (first migration of sms)."""
    if connection.vendor != "postgresql":
        return Q(to__endswith=digits)
    reversed_phone, tail = Collate(Reverse("to"), "C"), digits[::-1]
    # The colon follows the nine.
    return Q(GreaterThanOrEqual(reversed_phone, tail)) & Q(LessThan(reversed_phone, f"{tail}:"))
