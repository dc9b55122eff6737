"""The forms that create and edit a member. The rules are those of `MemberData`; here are fields and choices."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role
from accounts.permissions import Permission, may
from core.forms import call_action
from directory.access import is_scoped, scope_of
from directory.departments.picker import PickingForm, offer_departments
from directory.members.actions import create_member, edit_member
from directory.members.data import COLUMNS, MemberData, MemberInput, clean_phone, columns_of, labels_of, split_aliases
from directory.models import Department, Member
from sms.phones import mask_phone


class MemberForm(PickingForm):
    """Field names are part of interface.md."""

    name = forms.CharField(
        label=_("Name"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Enter the name.")},
    )
    # A form has a `prefix` of its own, which fields of this name leave alone.
    prefix = forms.CharField(  # type: ignore[assignment]
        label=_("Mailbox prefix"), error_messages={"required": _("Enter the mailbox prefix.")}
    )
    domain = forms.ChoiceField(label=_("Mail domain"))
    phone = forms.CharField(
        label=_("Phone"),
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
        required=False,
        error_messages={"required": _("Enter a phone number.")},
        help_text=_("The invitation is sent to this number, and the member joins with it."),
    )
    account = forms.CharField(
        label=_("Account"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Leave empty to use the mailbox prefix or, if that is taken, the full address."),
    )
    departments = forms.TypedMultipleChoiceField(label=_("Departments"), coerce=int, required=False)
    main_department = forms.TypedChoiceField(label=_("Main department"), coerce=int, required=False, empty_value=None)
    position = forms.CharField(label=_("Position"), required=False)
    activation = forms.ChoiceField(
        label=_("Activation"),
        choices=Member.Activation.choices,
        help_text=_("Choose “By activation code” for staff without a phone. The code is shown once after you save."),
    )
    aliases = forms.CharField(
        label=_("Aliases"), required=False, help_text=_("Up to 5, separated by semicolons: info; sales@example.com")
    )

    def __init__(self, *args: Any, enterprise: Enterprise, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enterprise, self.role = enterprise, role
        # Only a member who joins by code can be saved without a phone.
        self.fields["phone"].required = self["activation"].value() != Member.Activation.CODE
        self.domains = {domain.name: domain for domain in enterprise.domains.order_by("-is_default", "name")}
        self.fields["domain"].choices = [(name, name) for name in self.domains]  # type: ignore[attr-defined]
        current = [*(self.initial.get("departments") or ()), self.initial.get("main_department")]
        offer = offer_departments(role, self.data, "departments", "main_department", chosen=current)
        offer.fill(self, blank={"main_department": _("First selected")})
        self.choosable = offer.departments

    def clean_activation(self) -> str:
        return self.cleaned_data["activation"] or Member.Activation.PHONE

    def clean(self) -> dict[str, Any]:
        """Report the errors of all fields at once, although some were refused before `MemberData` could be built."""
        if self.errors:
            nothing: dict[str, Any] = dict.fromkeys(self.fields, "")
            nothing |= {"domain": next(iter(self.domains)), "departments": [], "activation": Member.Activation.PHONE}
            try:
                MemberData.from_input(self.enterprise, self.member_input(nothing | self.cleaned_data))
            except forms.ValidationError as error:
                new = {field: errors for field, errors in error.error_dict.items() if field not in self.errors}
                self.add_error(None, forms.ValidationError(new))
        return self.cleaned_data

    def member_input(self, typed: dict[str, Any] | None = None) -> MemberInput:
        typed = typed or self.cleaned_data
        member_input: dict[str, Any] = {name: typed[name] for name in (*COLUMNS, "prefix")}
        member_input |= {
            "domain": self.domains[typed["domain"]],
            "departments": [self.choosable[pk] for pk in typed["departments"]],
            "main_department": self.choosable.get(typed["main_department"]),
            "aliases": split_aliases(typed["aliases"]),
        }
        return cast(MemberInput, member_input)

    def home_department(self) -> Department:
        """Return the department of members without one: the root, or the first that this administrator manages."""
        tops = scope_of(self.role) if is_scoped(self.role) else []
        return tops[0] if tops else next(one for one in self.choosable.values() if one.parent_id is None)


class MemberNewForm(MemberForm):
    send_invitation = forms.BooleanField(label=_("Send an invitation by SMS"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("departments", [self.home_department().pk])
        if not self.is_bound:
            self.fields["departments"].widget.attrs["data-preset"] = True

    def create(self, *, by: Actor) -> Member | None:
        """Return the new member, or None if it was refused; the errors are then in the form."""
        typed = self.member_input()
        typed["departments"] = typed["departments"] or [typed["main_department"] or self.home_department()]
        return call_action(self, create_member, self.enterprise, by=by, **typed)


class MemberEditForm(MemberForm):
    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, initial=_initial_of(member), **kwargs)
        self.member = member
        self.keeps_phone = not may(self.role, Permission.SEE_PHONES)
        if self.keeps_phone:
            self.initial["phone"] = ""
            self.fields["phone"].required = False
            self.fields["phone"].help_text = _("Leave empty to keep %(phone)s.") % {"phone": mask_phone(member.phone)}

    def member_input(self, typed: dict[str, Any] | None = None) -> MemberInput:
        member_input = super().member_input(typed)
        if not member_input["phone"] and self.keeps_phone:
            member_input["phone"] = self.member.phone
        return member_input

    def gives_another_phone(self) -> bool:
        """Return True if the phone that was typed is valid and is not the one on record."""
        typed = self.member_input()["phone"] or ""
        try:
            return bool(typed) and clean_phone(typed, self.enterprise.region) != self.member.phone
        except ValidationError:
            return False

    def edit(self, *, by: Actor) -> bool:
        """Save; departments this administrator can't choose stay. Return False if refused, with errors in the form."""
        typed = self.member_input()
        elsewhere = [one for one in self.member.departments.all() if one.pk not in self.choosable]
        if self.member.main_department in elsewhere:
            typed["main_department"] = typed["main_department"] or self.member.main_department
        typed["departments"] = [*(typed["departments"] or [self.home_department()]), *elsewhere]
        return call_action(self, edit_member, self.member, by=by, **typed) is not None


def _initial_of(member: Member) -> dict[str, Any]:
    data = MemberData.from_member(member)
    labels = labels_of(member.enterprise, {})
    return {
        **dict(zip(COLUMNS, columns_of(data), strict=True)),
        "prefix": data.prefix,
        "domain": labels.domains[data.domain],
        "departments": list(data.departments),
        "main_department": data.departments[0],
        "aliases": "; ".join(labels.address(*alias) for alias in data.aliases),
    }
