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
        label=_("SMS language"),
        choices=settings.LANGUAGES,
        help_text=_("The language of SMS sent by the enterprise."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=[])
    region = forms.ChoiceField(
        label=_("Phone number region"),
        choices=[],
        help_text=_("Used for phone numbers entered without a country code."),
    )

    class Meta:
        model = Enterprise
        fields = ["name", "language", "time_zone", "region", "code_rule"]
        widgets = {"code_rule": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Enterprise name")
        self.fields["code_rule"].label = _("Who can sign in with a phone code")
        self.fields["code_rule"].help_text = _(
            "With the second option, members who join from now on sign in by scanning a QR code. They can use "
            "a phone code only in a browser they've used before. Anyone who hasn't joined yet can always join "
            "with a code, and members who can no longer scan can have a personal link sent to their number on "
            "record. Administrators who sign in with a password aren't affected."
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
