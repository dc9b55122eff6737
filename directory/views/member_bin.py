"""Into the bin and back: one member, or many after a page that says how many these are."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.access import Permission, console_page, fresh_deed
from accounts.answers import see_other
from accounts.requests import ConsoleRequest
from directory.access import get_binned_member, get_member, members_of
from directory.member_bin import Restored, administrators_among, delete_members, restore_members
from directory.member_rows import MemberQuery
from directory.models import Member
from directory.querysets import MemberQuerySet

# Of more the first so many, and the same again for the rest: as much as a page may be waited for.
AT_ONCE_MAX = 1000
# Whoever else it is about is counted only.
NAMED_MAX = 10


@console_page(Permission.MANAGE_MEMBERS)
@require_POST
def member_delete(request: ConsoleRequest, id: int) -> HttpResponse:
    """Into the bin; the page that follows has the way back on it."""
    member = get_member(request, id)
    delete_members(request.enterprise, [member.pk], by=request.actor)
    messages.success(request, _("%(name)s is in the bin.") % {"name": member.name})
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@require_POST
def member_restore(request: ConsoleRequest, id: int) -> HttpResponse:
    member = get_binned_member(request, id)
    _tell_restored(request, restore_members(request.enterprise, [member.pk], by=request.actor))
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@fresh_deed
@require_POST
def member_delete_many(request: ConsoleRequest) -> HttpResponse:
    """Those chosen, or with `all_matching` all found: first the page that says how many these are and what becomes of
    them, then with that number in `confirmed` the deed. If it is another number by then, the page comes again."""
    query = MemberQuery(request.POST, request.role)
    back = reverse("directory:member_list") + query.url()
    chosen = query.chosen(request.POST)
    ids, rest = _first(chosen)
    if not ids:
        return _nobody(request, back)
    if request.POST.get("confirmed") != str(len(ids)):
        return render(request, "directory/member_delete_many.html", _to_confirm(request, query, ids, rest))
    number = delete_members(request.enterprise, ids, by=request.actor)
    told = ngettext("%(n)d member is in the bin.", "%(n)d members are in the bin.", number)
    messages.success(request, told % {"n": number})
    _tell_rest(request, rest)
    return see_other(back)


@console_page(Permission.MANAGE_MEMBERS)
@require_POST
def member_restore_many(request: ConsoleRequest) -> HttpResponse:
    """Those chosen in the bin, or with `all_matching` all found there."""
    query = MemberQuery(request.POST, request.role, with_bin=True)
    back = reverse("directory:member_list") + query.url()
    chosen = query.chosen(request.POST).filter(deleted_at__isnull=False)
    ids, rest = _first(chosen)
    if not ids:
        return _nobody(request, back)
    _tell_restored(request, restore_members(request.enterprise, ids, by=request.actor))
    _tell_rest(request, rest)
    return see_other(back)


def _first(chosen: MemberQuerySet) -> tuple[list[int], int]:
    """Those for one go, and how many are left for the next."""
    ids = list(chosen.order_by("pk").values_list("pk", flat=True)[:AT_ONCE_MAX])
    return ids, chosen.count() - len(ids) if len(ids) == AT_ONCE_MAX else 0


def _nobody(request: ConsoleRequest, back: str) -> HttpResponse:
    messages.warning(request, _("Nobody was chosen."))
    return see_other(back)


def _tell_rest(request: ConsoleRequest, rest: int) -> None:
    if rest > 0:
        words = ngettext("%(n)s more matches: do the same again.", "%(n)s more match: do the same again.", rest)
        messages.info(request, words % {"n": number_format(rest, force_grouping=True)})


def _to_confirm(request: ConsoleRequest, query: MemberQuery, ids: list[int], rest: int) -> dict[str, Any]:
    chosen = Member.objects.filter(pk__in=ids)
    return {
        "rest": rest,
        "query": query,
        "back": reverse("directory:member_list") + query.url(),
        "all_matching": request.POST.get("all_matching"),
        "ids": ids,
        "named": chosen.select_related("main_department").order_by("pinyin", "pk")[:NAMED_MAX],
        "unnamed": max(0, len(ids) - NAMED_MAX),
        "joined": chosen.filter(status=Member.Status.ACTIVE).count(),
        "administrators": administrators_among(chosen).count(),
        "bin_days": settings.MEMBER_BIN_DAYS,
    }


def _tell_restored(request: ConsoleRequest, restored: list[Restored]) -> None:
    if len(restored) == 1:
        messages.success(request, _("%(name)s is back in the directory.") % {"name": restored[0].member.name})
    elif restored:
        messages.success(request, _("%(n)d members are back in the directory.") % {"n": len(restored)})
    reasons = [_without_phone(request, one) for one in restored if one.phone_holder]
    words = _("%(name)s stands in the root department: theirs was deleted.")
    reasons += [words % {"name": one.member.name} for one in restored if one.is_moved]
    if reasons:
        more = " …" if len(reasons) > NAMED_MAX else ""
        messages.warning(request, f"{' '.join(reasons[:NAMED_MAX])}{more}")


def _without_phone(request: ConsoleRequest, one: Restored) -> str:
    """By name of who has the number now, to whoever may see them."""
    is_seen = one.phone_holder and members_of(request.role).filter(pk=one.phone_holder.pk).exists()
    words = _("%(name)s is back without a phone, for theirs belongs to %(holder)s now, and joins by activation code.")
    holder = one.phone_holder.name if one.phone_holder and is_seen else _("a member outside your departments")
    return words % {"name": one.member.name, "holder": holder}
