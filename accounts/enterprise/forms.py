"""The enterprise's settings."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise
from core.text_rules import clean_enterprise_name


class SettingsForm(forms.ModelForm):
    language = forms.ChoiceField(
        label=_("Language of messages"),
        choices=settings.LANGUAGES,
        help_text=_("SMS that the enterprise sends are written in it."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=[])
    region = forms.ChoiceField(
        label=_("Phone region"), choices=[], help_text=_("The country of numbers typed without a country code.")
    )

    class Meta:
        model = Enterprise
        fields = ["name", "language", "time_zone", "region", "code_rule"]
        widgets = {"code_rule": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Enterprise name")
        self.fields["code_rule"].label = _("Who may sign in with a phone code")
        self.fields["code_rule"].help_text = _(
            "By the second rule, members who join from now on sign in by scanning a QR code; a phone code lets them in "
            "only in a browser they have used before. Whoever has not joined yet may always join with a code, and "
            "whoever can no longer scan is sent a personal link to the number on record. Administrators who sign in "
            "with a password are not concerned."
        )
        self.fields["time_zone"].choices = time_zones()  # type: ignore[attr-defined]
        self.fields["region"].choices = regions()  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return clean_enterprise_name(self.cleaned_data["name"])


@cache
def time_zones() -> list[tuple[str, str]]:
    """Return UTC and the zones named after places, which have daylight saving rules."""
    places = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    names = sorted(name for name in available_timezones() if name.startswith(places))
    return [(name, name.replace("_", " ")) for name in ["UTC", *names]]


@cache
def regions() -> list[tuple[str, str]]:
    codes = sorted(phonenumbers.SUPPORTED_REGIONS)
    return [(code, f"{code} (+{phonenumbers.country_code_for_region(code)})") for code in codes]
