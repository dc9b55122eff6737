"""Choosing a department among thousands: a select that offers them all while they are few, else what a search finds.

The select's name and values stay the same either way. Beside a select named `department` stands a search box named
`department_q`, and, without script, a button named `department_search`, which shows the form again with what was found
and all that was typed.
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

# So many a select still offers whole; a page with two of them weighs 60 KB.
WHOLE_MAX = 300
FOUND_MAX = 50


@dataclass
class Offer:
    """Departments that selects may offer, by id; `is_searched`: there are more, to be searched for. `texts`: what was
    searched for, by the select's name."""

    departments: dict[int, Department]
    is_searched: bool
    texts: dict[str, str] = field(default_factory=dict)

    def fill(self, form: forms.Form, *, blank: Mapping[str, Any] | None = None) -> None:
        """Into the selects of `form`; `blank`: the words of an empty choice, by the select's name."""
        paths = list(paths_of(self.departments.values()).items())
        for name, text in self.texts.items():
            select: Any = form.fields[name]
            words = (blank or {}).get(name)
            select.choices = [*([("", words)] if words else []), *paths]
            select.is_searched, select.search_text, select.blank = self.is_searched, text, words or ""


class PickingForm(forms.Form):
    """A form that may be posted just to search for departments: then nothing in it is wrong, and nothing is done."""

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
    """What the selects `names` of a form may offer: all if they are few, else the topmost, those of the ids `chosen`
    or `typed` (the form's data), and those that were searched for."""
    reachable = departments_of(role)
    few = list(reachable[: WHOLE_MAX + 1])
    if len(few) <= WHOLE_MAX:
        return Offer({one.pk: one for one in few}, False, dict.fromkeys(names, ""))
    data = typed if typed is not None else {}
    texts = {name: str(data.get(f"{name}_q", "")).strip()[: Department.NAME_MAX] for name in names}
    ids = {id for id in chosen if id} | {id for name in names for id in read_ids(_values(data, name))}
    shown = [*_tops(role, reachable), *reachable.filter(pk__in=ids)]
    for text in texts.values():
        shown += find_departments(role, text) if text else []
    return Offer({one.pk: one for one in shown}, True, texts)


def find_departments(role: Role, text: str) -> list[Department]:
    """Whose name has the text in it, those higher up first; "A/B": whose name has B, below one that has A."""
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
