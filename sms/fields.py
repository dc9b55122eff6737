"""A form field for a phone number."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from sms.phones import PhoneRefused, parse_phone


class PhoneField(forms.CharField):
    """Accept what `sms.phones` accepts for a number in `region` and return it as E.164, or "" if it is empty."""

    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"})

    def __init__(self, *, region: str = "CN", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.region = region

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text in self.empty_values:
            return ""
        try:
            return parse_phone(text, self.region)
        except PhoneRefused as refused:
            raise ValidationError(str(refused), code="invalid") from refused
