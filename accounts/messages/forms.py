"""The filters of the message list."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from sms.models import Message


class MessageFilterForm(forms.Form):
    """Draw the filters; MessageQuery reads them."""

    state = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("All statuses")), ("failed", _("Undelivered")), *Message.State.choices],
    )
    kind = forms.ChoiceField(label=_("Type"), required=False, choices=[("", _("All types")), *Message.Kind.choices])
