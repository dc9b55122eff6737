"""What people type on the pages of accounts."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import LOGIN_MAX, Enterprise
from accounts.naming import clean_enterprise_name
from sms.models import Message
from sms.phones import PhoneRefused, parse_phone


class LoginForm(forms.Form):
    phone = forms.CharField(
        label=_("Phone"),
        help_text=_("A number outside mainland China begins with + and its country code."),
        error_messages={"required": _("Enter a phone number.")},
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel", "autofocus": True}),
    )

    def clean_phone(self) -> str:
        try:
            return parse_phone(self.cleaned_data["phone"])
        except PhoneRefused as refused:
            raise forms.ValidationError(str(refused)) from None


class LoginCodeForm(forms.Form):
    code = forms.CharField(
        label=_("Verification code"),
        error_messages={"required": _("Enter the digits from the SMS.")},
        widget=forms.TextInput(attrs={"autofocus": True}),
    )


class QrApproveForm(forms.Form):
    """The two digits are asked for only where phone and desktop are in different networks."""

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
        """Two digits, a leading zero left out included; nothing for what is no number."""
        text = unicodedata.normalize("NFKC", self.cleaned_data["number"]).strip()
        return text.zfill(2) if re.fullmatch(r"\d{1,2}", text, re.ASCII) else ""


class LoginPasswordForm(forms.Form):
    login = forms.CharField(
        label=_("Login"),
        max_length=LOGIN_MAX,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


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


class MessageFilterForm(forms.Form):
    """The filters of the list; what makes no sense filters nothing."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All states")), ("failed", _("Did not arrive")), *Message.State.choices],
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All kinds")), *Message.Kind.choices])


@cache
def time_zones() -> list[tuple[str, str]]:
    """The zones named after places, which know their daylight saving."""
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


def show_only(form: forms.BaseForm) -> None:
    """For who may read what stands in it and not change it."""
    for field in form.fields.values():
        field.disabled = True
