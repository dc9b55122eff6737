"""Forms to add, rename and move a department."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit.recording import Actor
from accounts.models import Role
from core.forms import call_action
from directory.access import read_ids
from directory.departments.actions import add_department, rename_department
from directory.departments.moving import Move, move_department, plan_move
from directory.departments.picker import PickingForm, offer_departments
from directory.models import Department


class DepartmentEditForm(PickingForm):
    name = forms.CharField(label=_("Department name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def rename(self, department: Department, *, by: Actor) -> Department | None:
        return call_action(self, rename_department, department, name=self.cleaned_data["name"], by=by)


class DepartmentNewForm(DepartmentEditForm):
    department = forms.TypedChoiceField(label=_("Parent department"), coerce=int)

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = read_ids([str(self.initial.get("department", ""))])
        offer = offer_departments(role, self.data, "department", chosen=asked)
        offer.fill(self)
        self.departments = offer.departments

    def create(self, *, by: Actor) -> Department | None:
        parent = self.departments[self.cleaned_data["department"]]
        return call_action(self, add_department, parent, name=self.cleaned_data["name"], by=by)


class DepartmentMoveForm(PickingForm):
    department = forms.TypedChoiceField(label=_("Move to"), coerce=int)

    def __init__(self, *args: Any, role: Role, moved: Department, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.moved = moved
        offer = offer_departments(role, self.data, "department")
        # Keep invalid choices that were submitted, so that the action refuses them with a reason.
        named = read_ids([str(self.data.get("department", ""))])
        offer.departments = {id: one for id, one in offer.departments.items() if id in named or self._is_elsewhere(one)}
        offer.fill(self, blank={"department": _("Select a department")})
        self.departments = offer.departments

    def plan(self) -> Move | None:
        return call_action(self, plan_move, self.moved, parent=self._parent)

    def move(self, *, by: Actor) -> Department | None:
        return call_action(self, move_department, self.moved, parent=self._parent, by=by)

    @property
    def _parent(self) -> Department:
        return self.departments[self.cleaned_data["department"]]

    def _is_elsewhere(self, department: Department) -> bool:
        return department.pk != self.moved.parent_id and not department.path.startswith(self.moved.path)
