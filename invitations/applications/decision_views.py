"""Decide on many applications: a few in the request, more in the background with a progress page."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.access import console_page
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.list_query import ListQuery
from core.pagination import OrderedRows, read_page
from core.responses import post_only, see_other, unprocessable
from directory.access import read_ids
from invitations.access import applications_of, decisions_of
from invitations.applications.decide import DecisionOutcome, approve_application, decide_all, reject_application
from invitations.applications.decide_job import counts_of, open_decision
from invitations.applications.forms import ApplicationRejectForm
from invitations.applications.list import ApplicationQuery
from invitations.applications.views import LIST, list_context
from invitations.models import Application, Decision, DecisionItem

# Messages that name a skipped applicant; the others are counted.
NAMED_MAX = 5


@console_page(Permission.MANAGE_MEMBERS)
@post_only("invitations:application_list")
def application_approve_many(request: ConsoleRequest) -> HttpResponse:
    return _decide_many(request, Decision.Verdict.APPROVED)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("invitations:application_list")
def application_reject_many(request: ConsoleRequest) -> HttpResponse:
    """Reject the chosen applications; show the list again, with the same ones ticked, if the reason is invalid."""
    is_all = bool(request.POST.get("all_matching"))
    form = ApplicationRejectForm(request.POST, auto_id="all_%s" if is_all else "chosen_%s")
    if form.is_valid():
        return _decide_many(request, Decision.Verdict.REJECTED, reason=form.cleaned_data["reason"])
    query = ApplicationQuery(request.POST, request.role)
    context = list_context(request, query) | {"here": query.full_url()}
    context |= {"reject_all_form" if is_all else "reject_form": form, "ticked": _ticked(request)}
    return unprocessable(request, LIST, context)


@console_page(Permission.READ)
@require_safe
def decision_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    """Show the progress of a decision, and the skipped applications with the reasons."""
    decision = get_object_or_404(decisions_of(request.role), pk=id)
    left_out = decision.items.filter(state=DecisionItem.State.LEFT_OUT).select_related("application__domain")
    left_out = left_out.filter(application__in=applications_of(request.role))
    counts = counts_of(decision)
    words = ngettext("%(n)s join request", "%(n)s join requests", counts["left_out"]) % {"n": counts["left_out"]}
    page = read_page(OrderedRows(left_out), ListQuery(request.GET), count_text=words)
    context = {
        "decision": decision,
        "counts": counts,
        "settled": decision.total - counts["waiting"],
        "items": page.rows,
        "pages": page,
    }
    return render(request, "invitations/decision_detail.html", context)


def _decide_many(request: ConsoleRequest, verdict: str, *, reason: str = "") -> HttpResponse:
    """Decide in the request if there are few, else open a decision for a worker and show its page."""
    chosen = _chosen(request)
    if chosen[: settings.APPLICATIONS_AT_ONCE + 1].count() > settings.APPLICATIONS_AT_ONCE:
        decision = open_decision(request.enterprise, chosen, verdict, by=request.actor, reason=reason)
        return see_other("invitations:decision_detail", id=decision.pk)
    if verdict == Decision.Verdict.APPROVED:
        outcome = decide_all(chosen, partial(approve_application, by=request.actor))
        words = ngettext("%(n)s join request approved.", "%(n)s join requests approved.", outcome.done)
    else:
        outcome = decide_all(chosen, partial(reject_application, by=request.actor, reason=reason))
        words = ngettext("%(n)s join request rejected.", "%(n)s join requests rejected.", outcome.done)
    return _after_many(request, outcome, words)


def _after_many(request: ConsoleRequest, outcome: DecisionOutcome, words: str) -> HttpResponse:
    if outcome.done:
        messages.success(request, words % {"n": outcome.done})
    for application, reason in outcome.left_out[:NAMED_MAX]:
        messages.warning(request, f"{application.name}: {reason}" if application.name not in reason else reason)
    unnamed = len(outcome.left_out) - NAMED_MAX
    if unnamed > 0:
        words = ngettext("%(n)s more skipped.", "%(n)s more skipped.", unnamed)
        messages.warning(request, words % {"n": unnamed})
    if not outcome.done and not outcome.left_out:
        messages.info(request, _("Select at least one join request."))
    query = ApplicationQuery(request.POST, request.role)
    return see_other(query.full_url())


def _chosen(request: ConsoleRequest) -> QuerySet[Application]:
    """Return the ticked applications, or with `all_matching` the filtered ones, within the role's reach."""
    if request.POST.get("all_matching"):
        chosen = ApplicationQuery(request.POST, request.role).matching()
    else:
        chosen = applications_of(request.role).filter(pk__in=_ticked(request))
    return chosen.select_related("enterprise", "domain", "department", "inviter", "address").order_by("pk")


def _ticked(request: ConsoleRequest) -> list[int]:
    return read_ids(request.POST.getlist("applications"))
