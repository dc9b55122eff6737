"""Forms of joining by an activation code."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.security.forms import PasswordEditForm

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class ActivationCodeForm(forms.Form):
    account = forms.CharField(
        label=_("Account"),
        max_length=318,
        error_messages={"required": _("Enter your account or mailbox address.")},
        widget=forms.TextInput(attrs=PLAIN | {"autocomplete": "username", "autofocus": True}),
        help_text=_("You can also use your mailbox address."),
    )
    code = forms.CharField(
        label=_("Activation code"),
        max_length=64,
        error_messages={"required": _("Enter the activation code you were given.")},
        widget=forms.TextInput(attrs=PLAIN | {"autocapitalize": "characters", "placeholder": "XXXX-XXXX-XXXX"}),
    )


class ActivationPasswordForm(PasswordEditForm):
    """The password of a member who joins by an activation code and may not have a user yet."""

    def __init__(self, typed: Any = None, *, login: str, name: str) -> None:
        super().__init__(typed, user=User(login=login, name=name))
        self.fields["password"].label = _("Password")
