"""The filters of the SMS log."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from sms.models import Message


class MessageFilterForm(forms.Form):
    """The filters of the list; what makes no sense filters nothing."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All states")), ("failed", _("Did not arrive")), *Message.State.choices],
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All kinds")), *Message.Kind.choices])
