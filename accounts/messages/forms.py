"""The filters of the message list."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from sms.models import Message


class MessageFilterForm(forms.Form):
    """Draw the filters; MessageQuery reads them."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All states")), ("failed", _("Did not arrive")), *Message.State.choices],
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All kinds")), *Message.Kind.choices])
