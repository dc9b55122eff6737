"""What an administrator types about a department."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit import Actor
from accounts.models import Role
from directory.access import read_ids
from directory.department_picker import PickingForm, offer_departments
from directory.departments import DepartmentRefused, add_department, rename_department
from directory.models import Department


class DepartmentEditForm(PickingForm):
    name = forms.CharField(label=_("Department name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def refuse(self, refused: DepartmentRefused) -> None:
        for field, messages in refused.errors.items():
            for message in messages:
                self.add_error({"parent": "department"}.get(field, field) or None, message)

    def rename(self, department: Department, *, by: Actor) -> bool:
        """False with the errors beside their fields."""
        try:
            rename_department(department, name=self.cleaned_data["name"], by=by)
        except DepartmentRefused as refused:
            self.refuse(refused)
        return not self.errors


class DepartmentNewForm(DepartmentEditForm):
    department = forms.TypedChoiceField(label=_("Belongs to"), coerce=int)

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = read_ids([str(self.initial.get("department", ""))])
        offer = offer_departments(role, self.data if self.is_bound else None, "department", chosen=asked)
        offer.fill(self)
        self.departments = offer.departments

    def create(self, *, by: Actor) -> Department | None:
        """The new department, or None with the errors beside their fields."""
        parent = self.departments[self.cleaned_data["department"]]
        try:
            return add_department(parent, name=self.cleaned_data["name"], by=by)
        except DepartmentRefused as refused:
            self.refuse(refused)
        return None
