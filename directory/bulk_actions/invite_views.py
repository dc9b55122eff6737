"""Invite many members from their list."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import console_page
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other
from directory.bulk_actions.member_views import chosen_fields, list_of, none_chosen
from directory.joining.invitations import SINGLE, invite_members
from directory.joining.recipients import Rules
from directory.joining.sending_views import confirm_sending
from directory.members.list import MemberQuery
from directory.models import Member

# Reasons that a message names; the others are counted.
LEFT_OUT_NAMED_MAX = 5


@console_page(Permission.SEND_INVITATIONS)
@post_only("directory:member_list")
def member_invite_many(request: ConsoleRequest) -> HttpResponse:
    """Invite the chosen members, or with `all_matching` the filtered ones who have not joined.

    For more than MEMBERS_AT_ONCE members, redirect to the form of an invitation batch.
    """
    query = MemberQuery(request.POST, request.role)
    chosen = query.chosen(request.POST)
    if request.POST.get("all_matching"):
        chosen = chosen.filter(status=Member.Status.PENDING)
    members = list(chosen.select_related("enterprise").order_by("pk")[: settings.MEMBERS_AT_ONCE + 1])
    if not members:
        return none_chosen(request, query)
    if len(members) > settings.MEMBERS_AT_ONCE:
        messages.info(request, _("There are many members. Go to “Invitations” to invite them in the background."))
        return see_other(reverse("invitations:batch_new") + query.url(status=Member.Status.PENDING))

    def send(rules: Rules, number: int | None) -> HttpResponse:
        outcome = invite_members(members, by=request.actor, rules=rules, expected=number)
        _tell(request, outcome.sent, [reason for _member, reason in outcome.left_out])
        return see_other(list_of(query))

    if len(members) == 1:
        return send(SINGLE, None)
    context = chosen_fields(request, query, chosen) | {"back": list_of(query), "here": list_of(query)}
    return confirm_sending(request, "directory/member_invite_many.html", context, chosen, send=send)


def _tell(request: ConsoleRequest, sent: int, reasons: list[str]) -> None:
    if sent:
        text = ngettext("Sending %(n)d invitation.", "Sending %(n)d invitations.", sent)
        messages.success(request, text % {"n": sent})
    if reasons:
        count = ngettext("%(n)d skipped:", "%(n)d skipped:", len(reasons)) % {"n": len(reasons)}
        more = " …" if len(reasons) > LEFT_OUT_NAMED_MAX else ""
        messages.warning(request, f"{count} {' '.join(reasons[:LEFT_OUT_NAMED_MAX])}{more}")
