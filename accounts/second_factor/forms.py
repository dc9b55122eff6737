"""The form for the code of a second factor."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from sms.codes.typed_digits import TYPED_MAX


class FactorCodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=TYPED_MAX,
        error_messages={"required": _("Enter the code.")},
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
