"""Act on many members: a few in the request, more in the background (directory.bulk_actions.job)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import console_page, fresh_action
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other
from directory.bulk_actions.job import NumberChanged, open_bulk_action
from directory.members.actions import disable_members, enable_members
from directory.members.list import MemberQuery
from directory.members.recycle_bin import administrators_among, delete_members, restore_members
from directory.members.recycle_bin_views import NAMED_MAX, report_restored
from directory.models import BulkAction, Member, MemberQuerySet

Kind = BulkAction.Kind
CONFIRMING: dict[str, str] = {
    Kind.DELETE: "directory/member_delete_many.html",
    Kind.DISABLE: "directory/member_disable_many.html",
}


@console_page(Permission.MANAGE_MEMBERS)
@fresh_action
@post_only("directory:member_list")
def member_delete_many(request: ConsoleRequest) -> HttpResponse:
    """Delete the chosen members, or with `all_matching` the filtered ones.

    The first request shows a page with their number; the second has it in `confirmed`. If the number has changed by
    then, the page is shown again.
    """
    query = MemberQuery(request.POST, request.role)
    return _confirmed(request, query, Kind.DELETE, query.chosen(request.POST), _delete)


@console_page(Permission.MANAGE_MEMBERS)
@fresh_action
@post_only("directory:member_list")
def member_disable_many(request: ConsoleRequest) -> HttpResponse:
    """Disable members, as in `member_delete_many`; ignore those who are disabled already."""
    query = MemberQuery(request.POST, request.role)
    chosen = query.chosen(request.POST).exclude(status=Member.Status.DISABLED)
    return _confirmed(request, query, Kind.DISABLE, chosen, _disable)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:member_list")
def member_enable_many(request: ConsoleRequest) -> HttpResponse:
    """Enable the disabled ones among the chosen members, or with `all_matching` among the filtered ones."""
    query = MemberQuery(request.POST, request.role)
    chosen = query.chosen(request.POST).filter(status=Member.Status.DISABLED)
    return _do(request, query, Kind.ENABLE, chosen, _enable)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:member_list")
def member_restore_many(request: ConsoleRequest) -> HttpResponse:
    """Restore the chosen members from the recycle bin, or with `all_matching` the filtered ones."""
    query = MemberQuery(request.POST, request.role, with_bin=True)
    chosen = query.chosen(request.POST).filter(deleted_at__isnull=False)
    return _do(request, query, Kind.RESTORE, chosen, _restore)


def none_chosen(request: ConsoleRequest, query: MemberQuery) -> HttpResponse:
    """Return to the list with a word that nobody was selected."""
    messages.warning(request, _("No members selected."))
    return see_other(list_of(query))


def list_of(query: MemberQuery) -> str:
    """Return the address of the list with these filters."""
    return reverse("directory:member_list") + query.url()


def chosen_fields(request: ConsoleRequest, query: MemberQuery, chosen: MemberQuerySet) -> dict[str, Any]:
    """Return the context of the hidden fields by which a confirmation chooses the same members."""
    is_all = request.POST.get("all_matching")
    ids = [] if is_all else list(chosen.values_list("pk", flat=True))
    return {"query": query, "all_matching": is_all, "ids": ids}


def _confirmed(
    request: ConsoleRequest,
    query: MemberQuery,
    kind: str,
    chosen: MemberQuerySet,
    do: Callable[[ConsoleRequest, list[int]], None],
) -> HttpResponse:
    number, page = chosen.count(), CONFIRMING[kind]
    if not number:
        return none_chosen(request, query)
    if request.POST.get("confirmed") != str(number):
        return render(request, page, _to_confirm(request, query, chosen, number))
    try:
        return _do(request, query, kind, chosen, do, confirmed=number)
    except NumberChanged:
        return render(request, page, _to_confirm(request, query, chosen, chosen.count()))


def _do(
    request: ConsoleRequest,
    query: MemberQuery,
    kind: str,
    chosen: MemberQuerySet,
    do: Callable[[ConsoleRequest, list[int]], None],
    *,
    confirmed: int | None = None,
) -> HttpResponse:
    ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: settings.MEMBERS_AT_ONCE + 1])
    if not ids:
        return none_chosen(request, query)
    if len(ids) > settings.MEMBERS_AT_ONCE:
        action = open_bulk_action(request.enterprise, kind, chosen, by=request.actor, confirmed=confirmed)
        return see_other("directory:bulk_action_detail", id=action.pk)
    if confirmed is not None and confirmed != len(ids):
        raise NumberChanged
    do(request, ids)
    return see_other(list_of(query))


def _delete(request: ConsoleRequest, ids: list[int]) -> None:
    number = delete_members(request.enterprise, ids, by=request.actor)
    text = ngettext("%(n)d member moved to the recycle bin.", "%(n)d members moved to the recycle bin.", number)
    messages.success(request, text % {"n": number})


def _disable(request: ConsoleRequest, ids: list[int]) -> None:
    number = disable_members(request.enterprise, ids, by=request.actor)
    text = ngettext("%(n)d member disabled and signed out.", "%(n)d members disabled and signed out.", number)
    messages.success(request, text % {"n": number})


def _enable(request: ConsoleRequest, ids: list[int]) -> None:
    number = enable_members(request.enterprise, ids, by=request.actor)
    text = ngettext("%(n)d member enabled.", "%(n)d members enabled.", number)
    messages.success(request, text % {"n": number})


def _restore(request: ConsoleRequest, ids: list[int]) -> None:
    report_restored(request, restore_members(request.enterprise, ids, by=request.actor))


def _to_confirm(request: ConsoleRequest, query: MemberQuery, chosen: MemberQuerySet, number: int) -> dict[str, Any]:
    return chosen_fields(request, query, chosen) | {
        "number": number,
        "here": list_of(query),
        "back": list_of(query),
        "named": chosen.select_related("main_department").order_by("pinyin", "pk")[:NAMED_MAX],
        "unnamed": max(0, number - NAMED_MAX),
        "joined": chosen.filter(status=Member.Status.ACTIVE).count(),
        "administrators": administrators_among(chosen).count(),
        "bin_days": settings.MEMBER_BIN_DAYS,
        "is_for_worker": number > settings.MEMBERS_AT_ONCE,
    }
