"""What an applicant types, and what an administrator says about applicants. The rules are the verbs' own."""

from __future__ import annotations

from typing import Any

import phonenumbers
from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from directory.departments.picker import PickingForm, offer_departments
from invitations.applications.decide import Amendment
from invitations.links.settings_forms import domains_of
from invitations.models import Application
from sms.phones import PhoneRefused, parse_phone


class JoinPhoneForm(forms.Form):
    phone = forms.CharField(
        label=_("Your phone number"),
        error_messages={"required": _("Enter a phone number.")},
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )

    # A hidden honeypot (security.md 3.3). If a browser fills it in for a person, the field appears with an error that
    # says what to do. There is no minimum time, because browsers fill in a form at once.
    homepage = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    def __init__(self, *args: Any, region: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region = region

    def clean_homepage(self) -> str:
        if self.cleaned_data["homepage"]:
            raise forms.ValidationError(gettext("This field detects automated requests. Clear it and send again."))
        return ""

    def clean_phone(self) -> str:
        """Accept numbers of the enterprise's country only: anyone can have a code sent here (security.md 1.2)."""
        try:
            phone = parse_phone(self.cleaned_data["phone"], self.region)
        except PhoneRefused as refused:
            raise forms.ValidationError(str(refused)) from None
        code = phonenumbers.country_code_for_region(self.region)
        if phonenumbers.parse(phone).country_code != code:
            words = gettext("Only phone numbers starting with +%(code)s can be used here. Contact your administrator.")
            raise forms.ValidationError(words % {"code": code})
        return phone


class JoinApplyForm(forms.Form):
    name = forms.CharField(
        label=_("Your real name"),
        error_messages={"required": _("Enter the name.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    prefix = forms.CharField(  # type: ignore[assignment]
        label=_("Preferred mailbox address"),
        error_messages={"required": _("Enter the mailbox prefix.")},
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )


class ApplicationEditForm(PickingForm):
    name = forms.CharField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    prefix = forms.CharField(label=_("Mailbox prefix"))  # type: ignore[assignment]
    domain = forms.ChoiceField(label=_("Mail domain"))
    department = forms.TypedChoiceField(label=_("Department"), coerce=int)

    def __init__(self, typed: Any = None, *, application: Application, role: Role) -> None:
        self.domains = domains_of(application.enterprise)
        offer = offer_departments(role, typed, "department", chosen=[application.department_id])
        self.departments = offer.departments
        initial = {
            "name": application.name,
            "prefix": application.prefix,
            "domain": application.domain.name,
            "department": application.department_id,
        }
        super().__init__(typed, initial=initial)
        offer.fill(self, blank={"department": "" if application.department_id else "—"})
        self.fields["domain"].choices = [(name, name) for name in self.domains]  # type: ignore[attr-defined]

    def amendment(self) -> Amendment:
        typed = self.cleaned_data
        return Amendment(
            name=typed["name"],
            prefix=typed["prefix"],
            domain=self.domains[typed["domain"]],
            department=self.departments[typed["department"]],
        )


class ApplicationRejectForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=Application.REASON_MAX,
        help_text=_("The applicant sees this on the status page."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
