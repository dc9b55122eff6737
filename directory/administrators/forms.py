"""Forms to appoint an administrator and to change a role. The actions check the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Role, User
from accounts.permissions import may_give
from core.forms import call_action
from directory.administrators.actions import (
    appoint_newcomer,
    appoint_user,
    change_role,
    choose_scope,
    clean_newcomer,
)
from directory.departments.picker import PickingForm, offer_departments
from directory.models import Department

# What each role may do (accounts.permissions), in one sentence.
RIGHTS = {
    Role.Name.OWNER: _("Full access, including adding and removing owners and administrators."),
    Role.Name.ADMIN: _("Full access, except adding or removing owners and administrators."),
    Role.Name.DEPARTMENT_ADMIN: _(
        "Manages members and invitations in the selected departments and their "
        "subdepartments. Phone numbers are masked."
    ),
    Role.Name.AUDITOR: _(
        "Can view everything but change nothing. Phone numbers are masked, join links are hidden, and lists "
        "of people can't be downloaded."
    ),
}


class RoleForm(PickingForm):
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)
    departments = forms.TypedMultipleChoiceField(
        label=_("Departments"),
        coerce=int,
        required=False,
        help_text=_("For a department administrator: the departments to manage, including their subdepartments."),
    )

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        """Offer the roles and departments that `role`, the acting administrator's, may give."""
        super().__init__(*args, **kwargs)
        offer = offer_departments(role, self.data, "departments", chosen=self.initial.get("departments", ()))
        offer.fill(self)
        self.choosable = offer.departments
        offered = [name for name in Role.Name if may_give(role, name)]
        self.fields["role"].choices = [(name, name.label) for name in offered]  # type: ignore[attr-defined]

    @property
    def rights(self) -> list[tuple[Any, Any]]:
        """The buttons of the field `role`, each with its sentence."""
        return [(button, RIGHTS[Role.Name(button.data["value"])]) for button in self["role"]]

    def chosen(self) -> list[Department]:
        return [self.choosable[pk] for pk in self.cleaned_data["departments"]]

    def clean(self) -> dict[str, Any]:
        """Run the checks of the actions, too, so that all errors appear at once."""
        data = super().clean() or self.cleaned_data
        if "departments" in data:
            self.run_check(choose_scope, data.get("role", ""), self.chosen())
        return data

    def run_check(self, check: Callable[..., Any], *args: Any) -> None:
        """Call `check`, which raises ValidationError, and add its errors on fields without an error."""
        try:
            check(*args)
        except forms.ValidationError as error:
            new = {field: errors for field, errors in error.error_dict.items() if field not in self.errors}
            self.add_error(None, forms.ValidationError(new))


class AppointmentForm(RoleForm):
    """Appoint a member who has joined."""

    def appoint(self, user: User, *, role: Role, by: Actor) -> Role | None:
        name, departments = self.cleaned_data["role"], self.chosen()
        return call_action(self, appoint_user, role.enterprise, user=user, name=name, departments=departments, by=by)


class NewcomerForm(RoleForm):
    """Appoint somebody who is not a member, with a login and a password."""

    name = forms.CharField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    login = forms.CharField(
        label=_("Login"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Letters, digits, and . _ + - (no @). Used to sign in."),
    )
    password = forms.CharField(
        label=_("Initial password"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Share it in person, not by email."),
    )
    field_order = ("name", "login", "password", "role", "departments")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self.run_check(clean_newcomer, *(data.get(field, "") for field in ("name", "login", "password")))
        return data

    def appoint(self, *, role: Role, by: Actor) -> Role | None:
        data = self.cleaned_data
        return call_action(
            self,
            appoint_newcomer,
            role.enterprise,
            person=data["name"],
            login=data["login"],
            password=data["password"],
            name=data["role"],
            departments=self.chosen(),
            by=by,
        )


class RoleEditForm(RoleForm):
    def __init__(self, *args: Any, edited: Role, **kwargs: Any) -> None:
        scope = list(edited.scopes.values_list("department", flat=True))
        super().__init__(*args, initial={"role": edited.name, "departments": scope}, **kwargs)

    def change(self, edited: Role, *, by: Actor) -> bool | None:
        """Return True if rights were lost; None if refused."""
        return call_action(self, change_role, edited, name=self.cleaned_data["role"], departments=self.chosen(), by=by)


class AdministratorFilterForm(forms.Form):
    """The filter of the list; invalid values are ignored."""

    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("All roles")), *Role.Name.choices])
