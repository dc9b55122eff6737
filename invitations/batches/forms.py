"""The form of the quiet hours."""

from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class QuietForm(forms.Form):
    begins = forms.TimeField(label=_("Start of quiet hours"), required=False)
    ends = forms.TimeField(label=_("End of quiet hours"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
            field.error_messages["invalid"] = gettext("Enter a time such as 22:00.")

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        begins, ends = typed.get("begins"), typed.get("ends")
        if self.errors:
            return typed
        if (begins is None) != (ends is None):
            self.add_error("begins" if begins is None else "ends", gettext("Enter both times, or neither."))
        elif begins is not None and begins == ends:
            self.add_error("ends", gettext("That would leave no time to send invitations. Choose another time."))
        return typed

    def hours(self) -> tuple[time, time] | None:
        typed = self.cleaned_data
        return (typed["begins"], typed["ends"]) if typed["begins"] is not None else None
