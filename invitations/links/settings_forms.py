"""The form of the joining settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Enterprise, Role
from directory.departments.picker import PickingForm, offer_departments
from directory.models import Domain
from invitations.models import JoinSettings


class JoiningForm(PickingForm):
    enabled = forms.BooleanField(label=_("Allow people not in the directory to join"), required=False)
    approval_required = forms.BooleanField(
        label=_("Join requests require approval by an administrator"), required=False
    )
    default_department = forms.TypedChoiceField(label=_("Default department"), coerce=int)
    default_domain = forms.ChoiceField(label=_("Default mail domain"))
    privacy_notice = forms.CharField(
        label=_("Privacy notice"),
        required=False,
        max_length=JoinSettings._meta.get_field("privacy_notice").max_length,
        help_text=_("Applicants accept it before a code is sent. Leave empty to use a short default notice."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, typed: Any = None, *, enterprise: Enterprise, role: Role, rules: JoinSettings) -> None:
        self.domains = domains_of(enterprise)
        offer = offer_departments(role, typed, "default_department", chosen=[rules.default_department_id])
        self.departments = offer.departments
        root = next(one for one in self.departments.values() if one.parent_id is None)
        initial = {
            "enabled": enterprise.is_joining_open,
            "approval_required": rules.approval_required,
            "default_department": (rules.default_department or root).pk,
            "default_domain": (rules.default_domain or next(iter(self.domains.values()))).name,
            "privacy_notice": rules.privacy_notice,
        }
        super().__init__(typed, initial=initial)
        offer.fill(self)
        self.fields["default_domain"].choices = [(name, name) for name in self.domains]  # type: ignore[attr-defined]

    def rules(self) -> dict[str, Any]:
        """Return the cleaned data with the department and the domain as objects."""
        typed = self.cleaned_data
        return {
            **typed,
            "default_department": self.departments[typed["default_department"]],
            "default_domain": self.domains[typed["default_domain"]],
        }


def domains_of(enterprise: Enterprise) -> dict[str, Domain]:
    """Return the domains by name, the default first."""
    return {domain.name: domain for domain in enterprise.domains.order_by("-is_default", "name")}
