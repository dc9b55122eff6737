"""Delete and restore one member."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.access import console_page, fresh_action
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other
from directory.access import get_binned_member, get_member, is_scoped, members_of
from directory.members.erasure import erase_member
from directory.members.recycle_bin import Restored, delete_members, restore_members
from directory.models import Member

# The others are counted only.
NAMED_MAX = 10


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:member_detail")
def member_delete(request: ConsoleRequest, id: int) -> HttpResponse:
    """Move a member into the bin, and redirect to their page, where they can be restored."""
    member = get_member(request, id)
    delete_members(request.enterprise, [member.pk], by=request.actor)
    messages.success(request, _("%(name)s is in the recycle bin.") % {"name": member.name})
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:member_detail")
def member_restore(request: ConsoleRequest, id: int) -> HttpResponse:
    member = get_binned_member(request, id)
    report_restored(request, restore_members(request.enterprise, [member.pk], by=request.actor))
    return see_other("directory:member_detail", id=member.pk)


@console_page(Permission.MANAGE_MEMBERS)
@fresh_action
@post_only("directory:member_detail")
def member_erase(request: ConsoleRequest, id: int) -> HttpResponse:
    """Permanently delete a member in the bin now. Department administrators may not: nothing can be restored."""
    if is_scoped(request.role):
        raise PermissionDenied
    member = get_binned_member(request, id)
    if not erase_member(member, by=request.actor):
        return see_other("directory:member_detail", id=member.pk)
    messages.success(request, _("%(name)s was permanently deleted.") % {"name": member.name})
    return see_other(f"{reverse('directory:member_list')}?status=deleted")


def report_restored(request: ConsoleRequest, restored: list[Restored]) -> None:
    """Show what was restored, that members have to join again, and what some of them lost."""
    if len(restored) == 1:
        messages.success(request, _("%(name)s was restored to the directory.") % {"name": restored[0].member.name})
    elif restored:
        messages.success(request, _("%(n)d members restored to the directory.") % {"n": len(restored)})
    if any(one.member.status == Member.Status.PENDING for one in restored):
        url = f"{reverse('directory:member_list')}?status=pending"
        text = _("Restored members have to join again.")
        messages.info(request, format_html('{} <a href="{}">{}</a>', text, url, _("Send invitations")))
    _report_losses(request, restored)


def _report_losses(request: ConsoleRequest, restored: list[Restored]) -> None:
    losses = [_without_phone(request, one) for one in restored if one.phone_holder]
    text = _("%(name)s was moved to the root department because the previous department was deleted.")
    losses += [text % {"name": one.member.name} for one in restored if one.is_moved]
    if losses:
        more = " …" if len(losses) > NAMED_MAX else ""
        messages.warning(request, f"{' '.join(losses[:NAMED_MAX])}{more}")


def _without_phone(request: ConsoleRequest, one: Restored) -> str:
    """Return a message that names the phone's new holder if the reader may see them."""
    is_seen = one.phone_holder and members_of(request.role).filter(pk=one.phone_holder.pk).exists()
    text = _(
        "%(name)s was restored without a phone number, which now belongs to %(holder)s, and joins with "
        "an activation code."
    )
    holder = one.phone_holder.name if one.phone_holder and is_seen else _("a member outside your departments")
    return text % {"name": one.member.name, "holder": holder}
