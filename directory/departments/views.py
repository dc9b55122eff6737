"""Departments in the console."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page
from accounts.models import Role
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other, unprocessable
from directory.access import departments_of, get_department, get_movable_department, read_ids
from directory.departments.actions import delete_department
from directory.departments.forms import DepartmentEditForm, DepartmentMoveForm, DepartmentNewForm
from directory.departments.picker import FOUND_MAX, find_departments, offer_departments
from directory.departments.tree import Branch, branches_of, paths_of
from directory.models import Department


@console_page(Permission.READ)
@require_safe
def department_list(request: ConsoleRequest) -> HttpResponse:
    """Show the top of the tree; `?department=` opens it down to that department, `?q=` searches by name."""
    asked = read_ids([request.GET.get("department", "")])
    current = departments_of(request.role).filter(pk__in=asked).first()
    text = request.GET.get("q", "").replace("\0", "").strip()[: Department.NAME_MAX]
    found = find_departments(request.role, text) if text else []
    context = {
        "text": text,
        "branches": [Branch(one, 0, False, False) for one in found] if text else branches_of(request.role, current),
        "paths": paths_of(found),
        "is_cut": len(found) == FOUND_MAX,
        "may_manage": may(request.role, Permission.MANAGE_DEPARTMENTS),
    }
    return render(request, "directory/department_list.html", context)


@console_page(Permission.READ)
@require_safe
def department_options(request: ConsoleRequest) -> HttpResponse:
    """Return the options of a searchable select named `for`, with its selected ones and an empty choice `blank`."""
    name = request.GET.get("for", "")
    chosen = read_ids(request.GET.getlist(name))
    offer = offer_departments(request.role, request.GET, name)
    paths = paths_of(offer.departments.values())
    context = {
        "blank": request.GET.get("blank", ""),
        "chosen": [(id, path) for id, path in paths.items() if id in chosen],
        "found": [(id, path) for id, path in paths.items() if id not in chosen],
    }
    return render(request, "directory/_department_options.html", context)


@console_page(Permission.MANAGE_DEPARTMENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def department_new(request: ConsoleRequest) -> HttpResponse:
    typed = request.POST if request.method == "POST" else None
    initial = {"department": request.GET.get("department", "")}
    form = DepartmentNewForm(typed, role=request.role, initial=initial)
    if typed is None:
        return render(request, "directory/department_new.html", {"form": form})
    department = form.create(by=request.actor) if form.is_valid() else None
    if department is None:
        return unprocessable(request, "directory/department_new.html", {"form": form})
    messages.success(request, _("“%(name)s” was added.") % {"name": department.name})
    return see_other(f"{reverse('directory:department_list')}?department={department.pk}")


@console_page(Permission.MANAGE_DEPARTMENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def department_edit(request: ConsoleRequest, id: int) -> HttpResponse:
    department = get_department(request, id)
    typed = request.POST if request.method == "POST" else None
    form = DepartmentEditForm(typed, initial={"name": department.name})
    context = {"form": form, "department": department}
    if typed is None:
        return render(request, "directory/department_edit.html", context)
    if not form.is_valid() or not form.rename(department, by=request.actor):
        return unprocessable(request, "directory/department_edit.html", context)
    messages.success(request, _("Saved."))
    return see_other(f"{reverse('directory:department_list')}?department={department.pk}")


@console_page(Permission.MANAGE_DEPARTMENTS)
@require_http_methods(["GET", "HEAD", "POST"])
def department_move(request: ConsoleRequest, id: int) -> HttpResponse:
    """Choose a parent; then, with `?department=`, preview the move; POST moves."""
    department = get_movable_department(request, id)
    is_move = request.method == "POST"
    typed = request.POST if is_move else request.GET if "department" in request.GET else None
    form = DepartmentMoveForm(typed, role=request.role, moved=department)
    context = {"form": form, "department": department, "path": paths_of([department])[department.pk]}
    if typed is None or (form.is_searching and not is_move):
        return render(request, "directory/department_move.html", context)
    move = form.plan() if form.is_valid() else None
    if move is None:
        return unprocessable(request, "directory/department_move.html", context)
    if not is_move:
        context |= {"move": move, "losing": _names(move.losing), "gaining": _names(move.gaining)}
        return render(request, "directory/department_move.html", context)
    if not form.move(by=request.actor):
        return unprocessable(request, "directory/department_move.html", context)
    names = {"name": department.name, "parent": move.parent.name}
    messages.success(request, _("“%(name)s” was moved below “%(parent)s”.") % names)
    return see_other(f"{reverse('directory:department_list')}?department={department.pk}")


@console_page(Permission.MANAGE_DEPARTMENTS)
@post_only("directory:department_edit")
def department_delete(request: ConsoleRequest, id: int) -> HttpResponse:
    department = get_department(request, id)
    try:
        delete_department(department, by=request.actor)
    except ValidationError as error:
        form = DepartmentEditForm({"name": department.name})
        form.add_error(None, error)
        return unprocessable(request, "directory/department_edit.html", {"form": form, "department": department})
    messages.success(request, _("“%(name)s” was deleted.") % {"name": department.name})
    return see_other(f"{reverse('directory:department_list')}?department={department.parent_id}")


def _names(roles: list[Role]) -> str:
    return _(", ").join(str(role.user) for role in roles)
