"""The form field for a phone number: what it accepts is sms.phones' rule, what it returns is E.164."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from sms.phones import PhoneRefused, parse_phone


class PhoneField(forms.CharField):
    """A text field of type tel. Set `region` on the bound field's form where the enterprise's differs."""

    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"})

    def __init__(self, *, region: str = "CN", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.region = region

    def clean(self, value: Any) -> str:
        """E.164, or the empty text where none is required."""
        text = super().clean(value)
        if text in self.empty_values:
            return ""
        try:
            return parse_phone(text, self.region)
        except PhoneRefused as refused:
            raise ValidationError(str(refused), code="invalid") from refused
