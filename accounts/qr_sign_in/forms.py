"""The form by which a phone approves a sign-in."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class QrApproveForm(forms.Form):
    """Ask for the two digits if `needs_number`."""

    number = forms.CharField(
        label=_("Number on the computer"),
        required=False,
        max_length=8,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "autofocus": True}),
    )

    def __init__(self, *args: Any, needs_number: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_number:
            del self.fields["number"]

    def clean_number(self) -> str:
        """Return two digits, also if a leading zero is missing, or "" for anything else."""
        text = unicodedata.normalize("NFKC", self.cleaned_data["number"]).strip()
        return text.zfill(2) if re.fullmatch(r"\d{1,2}", text, re.ASCII) else ""
