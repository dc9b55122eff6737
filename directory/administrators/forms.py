"""What is said when someone is appointed or their role is changed. The rules are the verbs' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Role, User
from accounts.permissions import may_give
from directory.administrators.actions import (
    appoint_newcomer,
    appoint_user,
    change_role,
    choose_scope,
    clean_newcomer,
)
from directory.departments.picker import PickingForm, offer_departments
from directory.models import Department

# What each role may do, as accounts.access has it, in a sentence for who has to choose.
RIGHTS = {
    Role.Name.OWNER: _("Everything, owners and administrators included."),
    Role.Name.ADMIN: _("Everything but appointing owners and administrators."),
    Role.Name.DEPARTMENT_ADMIN: _("Members and invitations in the chosen departments and below; phones are masked."),
    Role.Name.AUDITOR: _(
        "Reads everything and changes nothing. Phones are masked, join links not shown, lists of people not downloaded."
    ),
}


class RoleForm(PickingForm):
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)
    departments = forms.TypedMultipleChoiceField(
        label=_("Departments"),
        coerce=int,
        required=False,
        help_text=_("For a department administrator: those to look after, with all below them."),
    )

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        """`role` is that of who chooses: what it may not give is not offered."""
        super().__init__(*args, **kwargs)
        data = self.data if self.is_bound else None
        offer = offer_departments(role, data, "departments", chosen=self.initial.get("departments", ()))
        offer.fill(self)
        self.choosable = offer.departments
        offered = [name for name in Role.Name if may_give(role, name)]
        self.fields["role"].choices = [(name, name.label) for name in offered]  # type: ignore[attr-defined]

    @property
    def rights(self) -> list[tuple[Any, Any]]:
        """Each button of `role` with the sentence about it."""
        return [(button, RIGHTS[Role.Name(button.data["value"])]) for button in self["role"]]

    def chosen(self) -> list[Department]:
        return [self.choosable[pk] for pk in self.cleaned_data["departments"]]

    def clean(self) -> dict[str, Any]:
        """All that is wrong is said at once; the verbs see to it again."""
        said = super().clean() or self.cleaned_data
        if "departments" in said:
            self.run_check(choose_scope, said.get("role", ""), self.chosen())
        return said

    def run_check(self, check: Callable[..., Any], *said: Any) -> None:
        """Add what `check`, an action's own, refuses, beside each field that has no error yet."""
        try:
            check(*said)
        except forms.ValidationError as error:
            new = {field: errors for field, errors in error.error_dict.items() if field not in self.errors}
            self.add_error(None, forms.ValidationError(new))


class AppointmentForm(RoleForm):
    """Someone who is known already."""

    def appoint(self, user: User, *, role: Role, by: Actor) -> Role | None:
        """The new role, or None with the errors beside their fields."""
        said = {"name": self.cleaned_data["role"], "departments": self.chosen()}
        try:
            return appoint_user(role.enterprise, user=user, by=by, **said)
        except forms.ValidationError as error:
            self.add_error(None, error)
        return None


class NewcomerForm(RoleForm):
    """Someone who is nobody's member, or not yet."""

    name = forms.CharField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    login = forms.CharField(
        label=_("Login"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Letters, digits and . _ + - without an @; it is typed at the sign-in."),
    )
    password = forms.CharField(
        label=_("Initial password"),
        max_length=512,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Hand it over in person, not by mail."),
    )
    field_order = ("name", "login", "password", "role", "departments")

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        self.run_check(clean_newcomer, *(said.get(field, "") for field in ("name", "login", "password")))
        return said

    def appoint(self, *, role: Role, by: Actor) -> Role | None:
        """The new role, or None with the errors beside their fields."""
        said = self.cleaned_data
        try:
            return appoint_newcomer(
                role.enterprise,
                person=said["name"],
                login=said["login"],
                password=said["password"],
                name=said["role"],
                departments=self.chosen(),
                by=by,
            )
        except forms.ValidationError as error:
            self.add_error(None, error)
        return None


class RoleEditForm(RoleForm):
    def __init__(self, *args: Any, edited: Role, **kwargs: Any) -> None:
        scope = list(edited.scopes.values_list("department", flat=True))
        super().__init__(*args, initial={"role": edited.name, "departments": scope}, **kwargs)

    def change(self, edited: Role, *, by: Actor) -> bool | None:
        """Whether rights were lost; None with the errors beside their fields."""
        try:
            return change_role(edited, name=self.cleaned_data["role"], departments=self.chosen(), by=by)
        except forms.ValidationError as error:
            self.add_error(None, error)
        return None


class AdministratorFilterForm(forms.Form):
    """What makes no sense filters nothing."""

    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("All roles")), *Role.Name.choices])
