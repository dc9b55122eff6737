"""Administrators in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page, fresh_page
from accounts.models import Role, User
from accounts.permissions import Permission, may, may_give
from accounts.requests import ConsoleRequest
from accounts.second_factor.factors import has_factor, reset_factors
from accounts.sign_in.attempt_limits import wait_text
from accounts.sign_in.by_password import BUSY_SECONDS
from accounts.sign_in.hashers import HashersBusy
from accounts.sign_in.sessions import end_session
from core.responses import post_only, see_other, too_many_requests, unprocessable
from directory.access import get_administrator, members_of, read_ids
from directory.administrators.actions import (
    may_remove,
    refuse_last_owner,
    remove_administrator,
    user_to_appoint,
)
from directory.administrators.forms import AdministratorFilterForm, AppointmentForm, NewcomerForm, RoleEditForm
from directory.administrators.list import AdministratorQuery, rows_of
from directory.members.list_paging import FoundMembers
from directory.members.search import TEXT_MAX, strategies_for
from directory.models import Member

FOUND_MAX = 10


@console_page(Permission.READ_SETTINGS)
@require_safe
def administrator_list(request: ConsoleRequest) -> HttpResponse:
    query = AdministratorQuery(request.GET, request.role)
    rows, pages = rows_of(query)
    form = AdministratorFilterForm({"role": query.name})
    may_appoint = may(request.role, Permission.MANAGE_ADMINISTRATORS)
    context = {"query": query, "form": form, "rows": rows, "pages": pages, "may_appoint": may_appoint}
    return render(request, "directory/administrator_list.html", context)


@console_page(Permission.MANAGE_ADMINISTRATORS)
@fresh_page
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def administrator_new(request: ConsoleRequest) -> HttpResponse:
    """Appoint a member, found by a search (`?q=`, then `?member=`), or somebody else with login and password."""
    typed = request.POST if request.method == "POST" else None
    member = _chosen_member(request, (typed or request.GET).get("member", ""))
    user = user_to_appoint(member) if member else None
    form = (AppointmentForm if member else NewcomerForm)(typed, role=request.role)
    text = request.GET.get("q", "").replace("\0", "").strip()[:TEXT_MAX]
    context: dict[str, Any] = {"form": form, "member": member, "user_of_member": user, "q": text}
    if typed is None:
        context["found"] = [] if member else _found_members(request, text)
        return render(request, "directory/administrator_new.html", context)
    try:
        role = _appoint(request, form, member, user) if form.is_valid() else None
    except HashersBusy:
        form.add_error("password", wait_text(BUSY_SECONDS))
        return too_many_requests(request, "directory/administrator_new.html", context, retry_after=BUSY_SECONDS)
    if role is None:
        return unprocessable(request, "directory/administrator_new.html", context)
    params = {"name": role.user, "role": role.get_name_display()}
    messages.success(request, _("%(name)s is now %(role)s.") % params)
    return see_other("directory:administrator_list")


@console_page(Permission.MANAGE_ADMINISTRATORS)
@fresh_page
@require_http_methods(["GET", "HEAD", "POST"])
def administrator_edit(request: ConsoleRequest, id: int) -> HttpResponse:
    edited = get_administrator(request, id)
    if not may_give(request.role, edited.name):
        raise PermissionDenied
    typed = request.POST if request.method == "POST" else None
    form = RoleEditForm(typed, role=request.role, edited=edited)
    is_self = edited == request.role
    may_reset = not is_self and has_factor(edited.user)
    context = {"form": form, "edited": edited, "is_self": is_self, "may_reset": may_reset}
    if typed is None:
        return render(request, "directory/administrator_edit.html", context)
    has_lost = form.change(edited, by=request.actor) if form.is_valid() else None
    if has_lost is None:
        return unprocessable(request, "directory/administrator_edit.html", context)
    if has_lost and edited == request.role:
        return _sign_out(request)
    messages.success(request, _("Saved."))
    return see_other("directory:administrator_list")


@console_page(Permission.MANAGE_ADMINISTRATORS)
@fresh_page
@post_only("directory:administrator_edit")
def administrator_reset(request: ConsoleRequest, id: int) -> HttpResponse:
    """Delete a lost second factor; the administrator signs in again and sets up another."""
    role = get_administrator(request, id)
    if not may_give(request.role, role.name):
        raise PermissionDenied
    try:
        reset_factors(role.user, enterprise=request.enterprise, by=request.actor)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("The second factor of %(name)s was reset.") % {"name": role.user})
    return see_other("directory:administrator_edit", id=role.pk)


@console_page(Permission.MANAGE_ADMINISTRATORS)
@fresh_page
@require_http_methods(["GET", "HEAD", "POST"])
def administrator_remove(request: ConsoleRequest, id: int) -> HttpResponse:
    """Remove the role; GET shows the consequences."""
    removed = get_administrator(request, id)
    if not may_remove(request.role, removed):
        raise PermissionDenied
    is_member = Member.objects.present().filter(enterprise=request.enterprise, user=removed.user).exists()
    context: dict[str, Any] = {"removed": removed, "is_self": removed == request.role, "is_member": is_member}
    try:
        if request.method != "POST":
            refuse_last_owner(removed)
            return render(request, "directory/administrator_remove.html", context)
        remove_administrator(removed, by=request.actor)
    except ValidationError as error:
        context["reasons"] = error.messages
        status = 422 if request.method == "POST" else 200
        return render(request, "directory/administrator_remove.html", context, status=status)
    if removed == request.role:
        return _sign_out(request)
    messages.success(request, _("%(name)s is no longer an administrator.") % {"name": removed.user})
    return see_other("directory:administrator_list")


def _sign_out(request: ConsoleRequest) -> HttpResponse:
    """End the session of an administrator who has reduced their own rights."""
    end_session(request)
    return see_other("directory:home")


def _chosen_member(request: ConsoleRequest, id: str) -> Member | None:
    if not id:
        return None
    members = members_of(request.role).select_related("user", "main_department")
    return get_object_or_404(members, pk__in=read_ids([id]))


def _found_members(request: ConsoleRequest, text: str) -> list[tuple[Member, User | None, Role | None]]:
    """Return the first members who match, each with the user to appoint and the role they have."""
    if not text:
        return []
    members = members_of(request.role).select_related("user", "main_department")
    strategies = strategies_for(text, enterprise=request.enterprise, sees_phones=True)
    found = FoundMembers(members, strategies).first(FOUND_MAX)
    users = [user_to_appoint(member) for member in found]
    known = Role.objects.filter(enterprise=request.enterprise, user__in=[user for user in users if user])
    roles = {role.user_id: role for role in known}
    return [(member, user, roles.get(user.pk) if user else None) for member, user in zip(found, users, strict=True)]


def _appoint(
    request: ConsoleRequest, form: AppointmentForm | NewcomerForm, member: Member | None, user: User | None
) -> Role | None:
    if isinstance(form, NewcomerForm):
        return form.appoint(role=request.role, by=request.actor)
    if user is None:
        form.add_error(None, _("%(name)s can't be made an administrator before joining.") % {"name": member})
        return None
    return form.appoint(user, role=request.role, by=request.actor)
