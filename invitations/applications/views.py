"""Applications in the console: the list, its export, one application, and the decision on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import console_page, fresh_export
from accounts.audit.recording import recording
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.downloads import CSV, write_csv, write_xlsx
from core.list_query import submitted_query
from core.responses import post_only, see_other, unprocessable
from core.workbook_cells import XLSX
from directory.access import members_of
from directory.admission import member_with_phone
from directory.departments.tree import paths_of
from invitations.access import decisions_of, get_application
from invitations.applications.decide import (
    PURPOSE,
    DecidedAlready,
    approve_application,
    edit_application,
    reject_application,
    subject_of,
)
from invitations.applications.forms import ApplicationEditForm, ApplicationRejectForm
from invitations.applications.list import ApplicationQuery, phone_for, rows_of, sheet_of, way_of
from invitations.colleagues import list as inviters
from invitations.colleagues.list import InviterQuery
from invitations.models import Application, Decision
from sms.outbox.queue import latest_messages

DECISIONS_SHOWN = 3
LIST = "invitations/application_list.html"
DETAIL = "invitations/application_detail.html"


@console_page(Permission.READ)
@require_safe
def application_list(request: ConsoleRequest) -> HttpResponse:
    return render(request, LIST, list_context(request, ApplicationQuery(request.GET, request.role)))


def list_context(request: ConsoleRequest, query: ApplicationQuery) -> dict[str, Any]:
    rows, pages = rows_of(query)
    return {
        "query": query,
        "tabs": query.state_tabs(),
        "rows": rows,
        "pages": pages,
        "may_decide": may(request.role, Permission.MANAGE_MEMBERS) and query.state == Application.State.PENDING,
        "may_open": may(request.role, Permission.MANAGE_SETTINGS),
        "may_export": may(request.role, Permission.SEE_PHONES),
        "enterprise": request.enterprise,
        "decisions": _decisions(request),
        "reject_form": ApplicationRejectForm(auto_id="chosen_%s"),
        "reject_all_form": ApplicationRejectForm(auto_id="all_%s"),
    }


@console_page(Permission.SEE_PHONES)
@fresh_export("invitations:application_list")
@post_only("invitations:application_list")
def application_export(request: ConsoleRequest) -> HttpResponse:
    """Download the filtered applications as a workbook, or with `format=csv` as CSV. A POST because it is recorded."""
    asked = submitted_query(request)
    query = ApplicationQuery(asked, request.role)
    with recording(request.enterprise, by=request.actor) as record:
        after = {"applications": query.matching().count(), "filters": query.unnamed_fields}
        record("applications_exported", request.enterprise, after=after)
    headings, rows = sheet_of(query)
    if asked.get("format") == "csv":
        return _file(write_csv(headings, rows), CSV, "applications.csv")
    return _file(write_xlsx(_("Join requests"), headings, rows), XLSX, "applications.xlsx")


@console_page(Permission.READ)
@require_safe
def inviter_list(request: ConsoleRequest) -> HttpResponse:
    """Show how many applicants each member has invited."""
    query = InviterQuery(request.GET, request.role)
    rows, pages = inviters.rows_of(query)
    return render(request, "invitations/inviter_list.html", {"query": query, "rows": rows, "pages": pages})


@console_page(Permission.READ)
@require_safe
def application_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    application = get_application(request, id)
    return render(request, DETAIL, _context(request, application))


@console_page(Permission.MANAGE_MEMBERS)
@post_only("invitations:application_detail")
def application_edit(request: ConsoleRequest, id: int) -> HttpResponse:
    return _amend_and_decide(request, get_application(request, id), edit_application, _("Saved."))


@console_page(Permission.MANAGE_MEMBERS)
@post_only("invitations:application_detail")
def application_approve(request: ConsoleRequest, id: int) -> HttpResponse:
    """Approve the application with the changes in the form, if the request has any."""
    application = get_application(request, id)
    done = _("%(name)s has joined.") % {"name": request.POST.get("name") or application.name}
    return _amend_and_decide(request, application, approve_application, done)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("invitations:application_detail")
def application_reject(request: ConsoleRequest, id: int) -> HttpResponse:
    application = get_application(request, id)
    form = ApplicationRejectForm(request.POST)
    if not form.is_valid():
        return unprocessable(request, DETAIL, _context(request, application) | {"reject_form": form})
    try:
        reject_application(application, by=request.actor, reason=form.cleaned_data["reason"])
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    else:
        messages.success(request, _("The join request was rejected. The applicant is notified by SMS."))
    return see_other("invitations:application_detail", id=id)


def _amend_and_decide(
    request: ConsoleRequest, application: Application, decide: Callable[..., object], done: str
) -> HttpResponse:
    """Call `decide` with the changes in the form; show the form with the errors if it refuses."""
    form = ApplicationEditForm(request.POST, application=application, role=request.role)
    has_amendment = "name" in request.POST
    if form.is_searching or (has_amendment and not form.is_valid()):
        return unprocessable(request, DETAIL, _context(request, application) | {"form": form})
    amendment = form.amendment() if has_amendment else None
    try:
        decide(application, amendment=amendment, by=request.actor)
    except DecidedAlready as error:
        messages.warning(request, error.messages[0])
    except ValidationError as error:
        form.add_error(None, error)
        unchanged = get_application(request, application.pk)
        return unprocessable(request, DETAIL, _context(request, unchanged) | {"form": form})
    else:
        messages.success(request, done)
    return see_other("invitations:application_detail", id=application.pk)


def _context(request: ConsoleRequest, application: Application) -> dict[str, Any]:
    known = member_with_phone(request.enterprise, application.phone) if application.is_pending else None
    may_decide = may(request.role, Permission.MANAGE_MEMBERS) and application.is_pending
    return {
        "here": reverse("invitations:application_detail", args=[application.pk]),
        "application": application,
        "phone": phone_for(request.role, application),
        "way": way_of(application),
        "may_open": may(request.role, Permission.READ_SETTINGS),
        "path": "".join(paths_of([application.department]).values()) if application.department else "",
        "known": known if known and members_of(request.role).filter(pk=known.pk).exists() else None,
        "may_decide": may_decide,
        "form": ApplicationEditForm(application=application, role=request.role) if may_decide else None,
        "reject_form": ApplicationRejectForm(),
        "message": latest_messages(PURPOSE, [subject_of(application)]).get(subject_of(application)),
    }


def _decisions(request: ConsoleRequest) -> QuerySet[Decision]:
    """Return the latest decisions that are open or were finished in the last day, to lead back to their pages."""
    lately = Q(finished_at=None) | Q(finished_at__gt=timezone.now() - timedelta(days=1))
    return decisions_of(request.role).filter(lately).order_by("-pk")[:DECISIONS_SHOWN]


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
