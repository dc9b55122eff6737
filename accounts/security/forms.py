"""Forms for a user's second factors and password."""

from __future__ import annotations

import time
from typing import Any

from allauth.mfa.totp.internal.auth import generate_totp_secret
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.second_factor.factors import NAME_MAX, matching_step
from core.encryption import DecryptionFailed, decrypt, encrypt
from core.text_rules import clean_required
from sms.codes.typed_digits import TYPED_MAX

SETUP = "factor setup"


class FactorNewForm(forms.Form):
    """Set up an app. Its secret is encrypted in the page, and stored only once a code proves that the app has it."""

    setup = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("Code from the app"),
        max_length=TYPED_MAX,
        error_messages={"required": _("Enter the 6-digit code shown in the app.")},
    )

    def __init__(self, typed: Any = None, *, user: User) -> None:
        super().__init__(typed)
        self.user, self.step = user, -1
        submitted = self._decrypt_secret((typed or {}).get("setup", ""))
        self.is_renewed = typed is not None and submitted is None
        self.secret = submitted or generate_totp_secret()
        self.initial["setup"] = encrypt(
            {"user": str(user.pk), "secret": self.secret, "at": str(time.time())}, use=SETUP
        )
        if self.is_renewed:
            self.data = {**typed.dict(), "setup": self.initial["setup"]}

    def clean_code(self) -> str:
        if self.is_renewed:
            raise forms.ValidationError(_("This took too long. Scan the new QR code."))
        step = matching_step(self.secret, self.cleaned_data["code"])
        if step is None:
            raise forms.ValidationError(
                _("This isn't the code from the app. Check that your phone's clock is correct.")
            )
        self.step = step
        return str(self.cleaned_data["code"])

    @property
    def grouped_secret(self) -> str:
        """Return the secret in groups of four characters, to be typed by hand."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))

    def _decrypt_secret(self, encrypted: str) -> str | None:
        try:
            setup = decrypt(encrypted, use=SETUP)
        except DecryptionFailed:
            return None
        is_late = time.time() - float(setup["at"]) >= settings.ACCOUNTS_FACTOR_SETUP_SECONDS
        return None if is_late or setup["user"] != str(self.user.pk) else setup["secret"]


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label=_("Passkey name"),
        help_text=_("A name you'll recognize later, for example “Office computer”."),
        error_messages={"required": _("Enter a name for the passkey.")},
        widget=forms.TextInput(attrs={"maxlength": NAME_MAX, "autocomplete": "off"}),
    )

    def clean_name(self) -> str:
        required = self.fields["name"].error_messages["required"]
        return clean_required(self.cleaned_data["name"], NAME_MAX, missing=required)


class PasswordEditForm(forms.Form):
    password = forms.CharField(
        label=_("New password"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )
    confirm = forms.CharField(
        label=_("Confirm password"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, typed: Any = None, *, user: User) -> None:
        super().__init__(typed)
        self.user = user
        self.fields["password"].help_text = " ".join(map(str, password_validators_help_texts()))

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if typed.get("password") and typed.get("confirm") and typed["password"] != typed["confirm"]:
            self.add_error("confirm", _("The passwords don't match."))
        return typed
