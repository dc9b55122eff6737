"""What a person without a phone types on their way in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.utils.translation import gettext_lazy as _

from accounts.models import User

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class ActivationCodeForm(forms.Form):
    account = forms.CharField(
        label=_("Account"),
        max_length=318,
        error_messages={"required": _("Enter your account or your mailbox address.")},
        widget=forms.TextInput(attrs=PLAIN | {"autocomplete": "username", "autofocus": True}),
        help_text=_("Your mailbox address will do too."),
    )
    code = forms.CharField(
        label=_("Activation code"),
        max_length=64,
        error_messages={"required": _("Enter the activation code you were given.")},
        widget=forms.TextInput(attrs=PLAIN | {"autocapitalize": "characters", "placeholder": "XXXX-XXXX-XXXX"}),
    )


class ActivationPasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )
    confirm = forms.CharField(
        label=_("The same once more"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, login: str, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = User(login=login, name=name)
        self.fields["password"].help_text = " ".join(map(str, password_validators_help_texts()))

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.person)
        return password

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if typed.get("password") and typed.get("confirm") and typed["password"] != typed["confirm"]:
            self.add_error("confirm", _("The two passwords differ."))
        return typed
