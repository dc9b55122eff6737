"""What an administrator types about a member. The rules are the verbs' own; here are the fields and the choices."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Enterprise, Role
from accounts.permissions import Permission, may
from directory.access import is_scoped, scope_of
from directory.departments.picker import PickingForm, offer_departments
from directory.members.actions import create_member, edit_member
from directory.members.fields import Said, clean_facts, split_aliases
from directory.models import Department, Member
from sms.phones import mask_phone


class MemberForm(PickingForm):
    """Fields bear the names of interface.md; what is wrong with them is said by the verb."""

    name = forms.CharField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    # A form has a `prefix` of its own, which fields of this name leave alone.
    prefix = forms.CharField(label=_("Mailbox prefix"))  # type: ignore[assignment]
    domain = forms.ChoiceField(label=_("Mail domain"))
    phone = forms.CharField(
        label=_("Phone"),
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
        required=False,
        help_text=_("The invitation goes to this number, and the member joins with it."),
    )
    account = forms.CharField(
        label=_("Account"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Blank: the mailbox prefix, and if that is taken the whole address."),
    )
    departments = forms.TypedMultipleChoiceField(label=_("Departments"), coerce=int, required=False)
    main_department = forms.TypedChoiceField(label=_("Main department"), coerce=int, required=False, empty_value=None)
    position = forms.CharField(label=_("Position"), required=False)
    activation = forms.ChoiceField(
        label=_("Activation"),
        choices=Member.Activation.choices,
        help_text=_("By activation code: for staff without a phone. The code is shown once, after saving."),
    )
    aliases = forms.CharField(
        label=_("Aliases"), required=False, help_text=_("At most 5, parted by semicolons: info; sales@example.com")
    )

    def __init__(self, *args: Any, enterprise: Enterprise, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enterprise, self.role = enterprise, role
        # Without it only who joins by code can be saved.
        self.fields["phone"].required = self["activation"].value() != Member.Activation.CODE
        self.domains = {domain.name: domain for domain in enterprise.domains.order_by("-is_default", "name")}
        self.fields["domain"].choices = [(name, name) for name in self.domains]  # type: ignore[attr-defined]
        stands_in = [*(self.initial.get("departments") or ()), self.initial.get("main_department")]
        data = self.data if self.is_bound else None
        offer = offer_departments(role, data, "departments", "main_department", chosen=stands_in)
        offer.fill(self, blank={"main_department": _("The first chosen")})
        self.choosable = offer.departments

    def clean_activation(self) -> str:
        return self.cleaned_data["activation"] or Member.Activation.PHONE

    def clean(self) -> dict[str, Any]:
        """What one field refuses by itself hides nothing of what the rules refuse in the others."""
        if self.errors:
            nothing: dict[str, Any] = dict.fromkeys(self.fields, "")
            nothing |= {"domain": next(iter(self.domains)), "departments": [], "activation": Member.Activation.PHONE}
            try:
                clean_facts(self.enterprise, self.said(nothing | self.cleaned_data))
            except forms.ValidationError as error:
                new = {field: errors for field, errors in error.error_dict.items() if field not in self.errors}
                self.add_error(None, forms.ValidationError(new))
        return self.cleaned_data

    def said(self, typed: dict[str, Any] | None = None) -> Said:
        """As the member verbs take it."""
        typed = typed or self.cleaned_data
        return Said(
            name=typed["name"],
            account=typed["account"],
            prefix=typed["prefix"],
            domain=self.domains[typed["domain"]],
            phone=typed["phone"],
            departments=[self.choosable[pk] for pk in typed["departments"]],
            main_department=self.choosable.get(typed["main_department"]),
            position=typed["position"],
            activation=typed["activation"],
            aliases=split_aliases(typed["aliases"]),
        )

    def home_department(self) -> Department:
        """Where a member without departments belongs: the root, or the first that this administrator looks after."""
        tops = scope_of(self.role) if is_scoped(self.role) else []
        return tops[0] if tops else next(one for one in self.choosable.values() if one.parent_id is None)


class MemberNewForm(MemberForm):
    send_invitation = forms.BooleanField(label=_("Send the invitation by SMS"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("departments", [self.home_department().pk])
        if not self.is_bound:
            self.fields["departments"].widget.attrs["data-preset"] = True

    def create(self, *, by: Actor) -> Member | None:
        """The new member, or None with the errors beside their fields."""
        said = self.said()
        if not said["departments"]:
            said["departments"] = [said["main_department"] or self.home_department()]
        try:
            return create_member(self.enterprise, by=by, **said)
        except forms.ValidationError as error:
            self.add_error(None, error)
        return None


class MemberEditForm(MemberForm):
    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, initial=_initial_of(member), **kwargs)
        self.member = member
        self.keeps_phone = not may(self.role, Permission.SEE_PHONES)
        if self.keeps_phone:
            self.initial["phone"] = ""
            self.fields["phone"].required = False
            self.fields["phone"].help_text = _("Blank: it stays %(phone)s.") % {"phone": mask_phone(member.phone)}

    def said(self, typed: dict[str, Any] | None = None) -> Said:
        said = super().said(typed)
        if not said["phone"] and self.keeps_phone:
            said["phone"] = self.member.phone
        return said

    def edit(self, *, by: Actor) -> bool:
        """False with the errors beside their fields. Departments this administrator can't choose stay as they are."""
        said = self.said()
        elsewhere = [one for one in self.member.departments.all() if one.pk not in self.choosable]
        if self.member.main_department in elsewhere:
            said["main_department"] = said["main_department"] or self.member.main_department
        said["departments"] = [*(said["departments"] or [self.home_department()]), *elsewhere]
        try:
            edit_member(self.member, by=by, **said)
        except forms.ValidationError as error:
            self.add_error(None, error)
        return not self.errors


def _initial_of(member: Member) -> dict[str, Any]:
    addresses = list(member.addresses.select_related("domain").order_by("pk"))
    primary = next(address for address in addresses if address.purpose == "primary")
    aliases = [address for address in addresses if address.purpose == "alias"]
    return {
        "name": member.name,
        "account": member.account,
        "prefix": primary.local,
        "domain": primary.domain.name,
        "phone": member.phone,
        "departments": [department.pk for department in member.departments.all()],
        "main_department": member.main_department_id,
        "position": member.position,
        "activation": member.activation,
        "aliases": "; ".join(str(alias) for alias in aliases),
    }
