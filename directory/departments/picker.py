"""Select a department: offer all of them if there are few, else those that a search finds.

Beside a select named `department` is a search box named `department_q` and, without script, a button named
`department_search`, which shows the form again with the results and everything that was entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.forms.utils import ErrorDict

from accounts.models import Role
from directory.access import departments_of, is_scoped, read_ids, scope_of
from directory.departments.tree import paths_of
from directory.models import Department, DepartmentQuerySet

# The most departments that a select offers without search: a page with two such selects has 60 KB.
WHOLE_MAX = 300
FOUND_MAX = 50


@dataclass
class Offer:
    """Departments to choose from, by id; if `is_searched`, there are more. `texts`: search texts by select name."""

    departments: dict[int, Department]
    is_searched: bool
    texts: dict[str, str] = field(default_factory=dict)

    def fill(self, form: forms.Form, *, blank: Mapping[str, Any] | None = None) -> None:
        """Set the choices of the form's selects; `blank` has the label of an empty choice by select name."""
        paths = list(paths_of(self.departments.values()).items())
        for name, text in self.texts.items():
            select: Any = form.fields[name]
            words = (blank or {}).get(name)
            select.choices = [*([("", words)] if words else []), *paths]
            select.is_searched, select.search_text, select.blank = self.is_searched, text, words or ""


class PickingForm(forms.Form):
    """A form that may be submitted only to search for departments: then it is neither validated nor valid."""

    @property
    def is_searching(self) -> bool:
        return self.is_bound and any(
            f"{name}_search" in self.data for name, one in self.fields.items() if getattr(one, "is_searched", False)
        )

    def full_clean(self) -> None:
        if not self.is_searching:
            return super().full_clean()
        self._errors, self.cleaned_data = ErrorDict(), {}
        return None

    def is_valid(self) -> bool:
        return not self.is_searching and super().is_valid()


def offer_departments(role: Role, typed: Any, *names: str, chosen: Iterable[int | None] = ()) -> Offer:
    """Return what the selects `names` offer: all departments if there are few, else those with the ids in `chosen` or
    in `typed`, the form's data, with the search results, or without a search the role's top ones.
    """
    reachable = departments_of(role)
    few = list(reachable[: WHOLE_MAX + 1])
    if len(few) <= WHOLE_MAX:
        return Offer({one.pk: one for one in few}, False, dict.fromkeys(names, ""))
    data = typed or {}
    texts = {name: str(data.get(f"{name}_q", "")).strip()[: Department.NAME_MAX] for name in names}
    ids = {*filter(None, chosen)}.union(*(read_ids(_values(data, name)) for name in names))
    searches = list(filter(None, texts.values()))
    # The top ones are a place to begin, not something that was found.
    shown = [*reachable.filter(pk__in=ids), *([] if searches else _tops(role, reachable))]
    for text in searches:
        shown += find_departments(role, text)
    return Offer({one.pk: one for one in shown}, True, texts)


def find_departments(role: Role, text: str) -> list[Department]:
    """Find departments whose name contains the text, higher ones first; "A/B" finds B below A."""
    *above, name = [part.strip() for part in text.split("/")]
    found = departments_of(role).filter(name__icontains=name).order_by("depth", "path")
    if not any(above):
        return list(found[:FOUND_MAX])
    fitting = []
    paths = paths_of(found[: FOUND_MAX * 20])
    departments = found.in_bulk(list(paths))
    for id, path in paths.items():
        line = path.casefold().rpartition("/")[0]
        if all(part.casefold() in line for part in above):
            fitting.append(departments[id])
    return fitting[:FOUND_MAX]


def _tops(role: Role, reachable: DepartmentQuerySet) -> list[Department]:
    return scope_of(role) if is_scoped(role) else list(reachable.filter(parent=None))


def _values(data: Any, name: str) -> list[str]:
    return list(data.getlist(name)) if hasattr(data, "getlist") else [str(data.get(name, ""))]
