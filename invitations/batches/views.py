"""Batches of invitations: choose recipients, preview and send, and follow the outcome."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import see_other, unprocessable
from directory.access import imports_of, members_of, read_ids
from directory.departments.picker import offer_departments
from directory.departments.tree import paths_of
from directory.joining.plan import SendingForm, plan_invitations
from directory.joining.recipients import Rules
from directory.joining.sending_views import confirm_sending, read_rules
from directory.members.list import MemberQuery, rows_of
from directory.models import Import, Member
from invitations.access import batches_of
from invitations.batches.forms import QuietForm
from invitations.batches.list import BatchQuery, RecipientQuery, batch_rows, recipient_rows
from invitations.batches.quiet_hours import hours_of, quiet_until, set_quiet_hours
from invitations.batches.send import counts_of, open_batch, settled, waiting_members
from invitations.models import InvitationBatch
from invitations.models.batches import SELECTION

# Older imports are offered on their own pages.
OFFERED_MAX = 50
NEW = "invitations/batch_new.html"


@console_page(Permission.SEND_INVITATIONS)
@require_http_methods(["GET", "HEAD", "POST"])
def batch_new(request: ConsoleRequest) -> HttpResponse:
    """Open a batch for the ticked members, or for all that match if `all_matching` is set.

    The page shows the plan for this choice; a POST with `preview` shows it for another one and sends nothing.
    """
    asked = (request.POST if request.method == "POST" else request.GET).copy()
    asked.setdefault("status", Member.Status.PENDING)
    query = MemberQuery(asked, request.role)
    ticked = read_ids(request.POST.getlist("members"))
    chosen = members_of(request.role).filter(pk__in=ticked) if ticked else query.matching()
    context = _new_context(request, query, ticked)
    queued = waiting_members(request.enterprise)
    refusal = _refusal(request, ticked) if request.method == "POST" else ""
    is_preview = "preview" in request.POST
    if refusal or request.method != "POST" or is_preview:
        plan = plan_invitations(request.enterprise, chosen, read_rules(request, queued))
        context |= {"plan": plan, "sending": SendingForm(plan=plan), "refusal": refusal}
        return (unprocessable if refusal and not is_preview else render)(request, NEW, context)

    def send(rules: Rules, number: int) -> HttpResponse:
        batch = open_batch(
            request.enterprise,
            chosen,
            by=request.actor,
            about="" if ticked else _about(query),
            chosen_by=SELECTION if ticked else query.status,
            includes_recent=rules.includes_recent,
            expected=number,
        )
        return see_other("invitations:batch_detail", id=batch.pk)

    return confirm_sending(request, NEW, context, chosen, send=send, queued=queued, is_shown=True)


@console_page(Permission.READ)
@require_safe
def batch_list(request: ConsoleRequest) -> HttpResponse:
    query = BatchQuery(request.GET, request.role)
    rows, pages = batch_rows(query)
    context = {
        "query": query,
        "rows": rows,
        "pages": pages,
        "quiet": hours_of(request.enterprise),
        "may_send": may(request.role, Permission.SEND_INVITATIONS),
        "may_set_quiet": may(request.role, Permission.MANAGE_SETTINGS),
    }
    return render(request, "invitations/batch_list.html", context)


@console_page(Permission.READ)
@require_safe
def batch_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    batch = get_object_or_404(batches_of(request.role), pk=id)
    query = RecipientQuery(request.GET, batch, request.role)
    rows, pages = recipient_rows(query)
    counts = counts_of(batch)
    context = {
        "batch": batch,
        "query": query,
        "tabs": query.state_tabs(counts),
        "counts": counts,
        "settled": settled(counts),
        "rows": rows,
        "pages": pages,
        "quiet_until": quiet_until(request.enterprise) if batch.state == InvitationBatch.State.SENDING else None,
    }
    return render(request, "invitations/batch_detail.html", context)


@console_page(Permission.MANAGE_SETTINGS)
@require_http_methods(["GET", "HEAD", "POST"])
def quiet_edit(request: ConsoleRequest) -> HttpResponse:
    """Edit the quiet hours; both blank for none."""
    hours = hours_of(request.enterprise)
    initial = {"begins": hours[0], "ends": hours[1]} if hours else {}
    form = QuietForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_bound:
        return render(request, "invitations/quiet_edit.html", {"form": form})
    if not form.is_valid():
        return unprocessable(request, "invitations/quiet_edit.html", {"form": form})
    set_quiet_hours(request.enterprise, form.hours(), by=request.actor)
    messages.success(request, _("Saved."))
    return see_other("invitations:batch_list")


def _refusal(request: ConsoleRequest, ticked: list[int]) -> str:
    """Return why the choice can't be used at all."""
    if len(ticked) > settings.BATCH_SELECTED_MAX:
        return _("You can select up to %(most)d at a time.") % {"most": settings.BATCH_SELECTED_MAX}
    return "" if ticked or request.POST.get("all_matching") else _("Select members, or select all that match.")


def _about(query: MemberQuery) -> str:
    """Return what people named or typed in the filter."""
    parts = [
        query.imported.file_name if query.imported else "",
        query.department.name if query.department else "",
        f"“{query.text}”" if query.text else "",
    ]
    return " · ".join(str(part) for part in parts if part)


def _new_context(request: ConsoleRequest, query: MemberQuery, ticked: list[int]) -> dict[str, Any]:
    rows, pages = rows_of(query)
    made = imports_of(request.role).filter(created__gt=0, state__in=[Import.State.DONE, Import.State.CANCELLED])
    asked = request.POST if request.method == "POST" else request.GET
    offer = offer_departments(request.role, asked, "department")
    chosen = {str(id) for id in ticked}
    return {
        "query": query,
        "rows": rows,
        "pages": pages,
        "ticked": chosen,
        "ticked_elsewhere": sorted(chosen - {row["id"] for row in rows}),
        "is_selection": bool(ticked) or (request.method == "POST" and not request.POST.get("all_matching")),
        "quiet_until": quiet_until(request.enterprise),
        "statuses": Member.Status.choices,
        "imports": made.order_by("-pk")[:OFFERED_MAX],
        "departments": list(paths_of(offer.departments.values()).items()),
        "searched_department": offer if offer.is_searched else None,
    }
