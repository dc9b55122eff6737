"""Forms to add and edit a mail domain."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Enterprise
from core.forms import call_action
from directory.domains.actions import add_domain, edit_domain
from directory.models import Domain


class DomainEditForm(forms.Form):
    webmail_url = forms.CharField(
        label=_("Webmail address"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://mail.example.com/"}),
        help_text=_("Where “Open mailbox” takes members."),
    )
    imap = forms.CharField(
        label=_("IMAP server"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "imap.example.com:993"}),
    )
    smtp = forms.CharField(
        label=_("SMTP server"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "smtp.example.com:465"}),
    )
    is_default = forms.BooleanField(
        label=_("Default domain"), required=False, help_text=_("Used for new members. Replaces the current default.")
    )

    def edit(self, domain: Domain, *, by: Actor) -> Domain | None:
        return call_action(self, edit_domain, domain, by=by, **self.cleaned_data)


class DomainNewForm(DomainEditForm):
    name = forms.CharField(
        label=_("Domain"),
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocapitalize": "none", "spellcheck": "false", "placeholder": "example.com"}
        ),
    )
    field_order = ["name"]

    def create(self, enterprise: Enterprise, *, by: Actor) -> Domain | None:
        return call_action(self, add_domain, enterprise, by=by, **self.cleaned_data)
