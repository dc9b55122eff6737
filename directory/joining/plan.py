"""What a sending to many will do, shown before it is confirmed (rule 12 of the product)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Enterprise
from directory.joining.invitations import reason_text, sample_text
from directory.joining.recipients import (
    Measured,
    Reason,
    Rules,
    count_by_refusal,
    first_by_refusal,
    with_refusals,
)
from directory.models import Member
from sms.outbox.parts import count_parts

# Members named on a page for each reason; the others are counted.
NAMED_MAX = 20


@dataclass(frozen=True)
class LeftOut:
    """Members left out for one reason; the first NAMED_MAX by name."""

    reason: Reason
    count: int
    names: list[str]

    @property
    def unnamed(self) -> int:
        return self.count - len(self.names)

    @property
    def sentences(self) -> list[str]:
        """The reason of each named member."""
        return [reason_text(self.reason, name) for name in self.names]


@dataclass(frozen=True)
class InvitationPlan:
    """How many get a message, who is left out and why, and one of the texts, which counts `parts`."""

    messages: int
    reasons: list[LeftOut]
    rules: Rules
    text: str = ""
    parts: int = 0
    total_parts: int = 0

    @property
    def left_out(self) -> int:
        return sum(one.count for one in self.reasons)

    @property
    def chosen(self) -> int:
        return self.messages + self.left_out

    @property
    def needs_confirmation(self) -> bool:
        return self.messages > 1

    @property
    def is_typed(self) -> bool:
        """True if the administrator types the number."""
        return self.messages > settings.BATCH_CONFIRM_ABOVE

    @property
    def offers_recent(self) -> bool:
        """True if some are left out, or included, only because of an invitation in the last 24 hours."""
        return self.rules.includes_recent or any(one.reason == Reason.RECENT for one in self.reasons)


class SendingForm(forms.Form):
    """Confirm a plan: `expected` is the number of messages that the page showed, `confirmed` the typed one."""

    expected = forms.IntegerField(required=False, widget=forms.HiddenInput)
    include_recent = forms.BooleanField(
        required=False, label=gettext_lazy("Also invite those who received an invitation in the last 24 hours")
    )
    confirmed = forms.CharField(
        required=False,
        label=gettext_lazy("Type the number of SMS to confirm"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, typed: Any = None, *, plan: InvitationPlan) -> None:
        super().__init__(typed)
        self.plan = plan
        self.fields["confirmed"].widget.is_required = self.fields["confirmed"].required = plan.is_typed
        self.fields["confirmed"].error_messages["required"] = self._typed_wrongly()

    @property
    def is_asked(self) -> bool:
        """True if a page with a number was confirmed, whether or not the number still holds."""
        return self.is_bound and "expected" in self.data

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if not self.plan.messages:
            self.add_error(None, _("None of these members can be invited right now."))
        elif typed.get("expected") != self.plan.messages:
            self.refuse_number()
        elif self.plan.is_typed and "confirmed" in typed and digits_in(typed["confirmed"]) != str(self.plan.messages):
            self.add_error("confirmed", self._typed_wrongly())
        return typed

    def refuse_number(self) -> None:
        """Refuse because the number has changed; show only this error."""
        self.errors.pop("confirmed", None)
        self.add_error(None, _("The number of SMS has changed. Check it and send again."))

    def _typed_wrongly(self) -> str:
        return _("Enter %(n)s to confirm the number of SMS.") % {"n": self.plan.messages}


def digits_in(text: str) -> str:
    """Return the digits of a number as people type it, such as "1,024" or in full width."""
    return "".join(character for character in unicodedata.normalize("NFKC", text) if character.isdecimal())


def plan_invitations(enterprise: Enterprise, members: QuerySet[Member], rules: Rules) -> InvitationPlan:
    """Plan a sending to these members, in at most three queries however many they are.

    Parts are counted from the names' lengths: exactly for UCS-2 and for ASCII names, otherwise at most too many.
    """
    measured = count_by_refusal(members, rules)
    counts: Counter[str] = Counter()
    for key, number in measured.items():
        counts[key.refusal] += number
    messages = counts.pop("", 0)
    names = first_by_refusal(members, rules, NAMED_MAX) if counts else {}
    reasons = [LeftOut(one, counts[one], names.get(one, [])) for one in Reason if counts[one]]
    if not messages:
        return InvitationPlan(0, reasons, rules)
    text = sample_text(enterprise, with_refusals(members, rules).filter(refusal="").order_by("pk")[0])
    total = sum(number * _parts(enterprise, key) for key, number in measured.items() if not key.refusal)
    return InvitationPlan(messages, reasons, rules, text, count_parts(text), total)


def _parts(enterprise: Enterprise, key: Measured) -> int:
    """Return the parts of the text with a name of this length."""
    wide = max(0, key.size - 3 * key.length)
    name = "x" * key.length if key.size == key.length else "字" * (key.length - wide) + "𠮷" * wide
    return count_parts(sample_text(enterprise, Member(name=name)))
