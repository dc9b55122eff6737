"""Forms of the sign-in pages."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import LOGIN_MAX
from sms.phones import PhoneRefused, parse_phone


class LoginForm(forms.Form):
    phone = forms.CharField(
        label=_("Phone"),
        help_text=_("Numbers outside mainland China start with + and the country code."),
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
        error_messages={"required": _("Enter the code from the SMS.")},
        widget=forms.TextInput(attrs={"autofocus": True}),
    )


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
