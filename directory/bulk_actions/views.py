"""Bulk actions in the console: the list, one of them, and the file of an export."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import console_page, fresh_download
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other
from core.workbook_cells import XLSX
from directory.access import get_bulk_action
from directory.bulk_actions.job import cancel_bulk_action, exported_file, may_still
from directory.bulk_actions.list import TONES, BulkActionQuery, reasons_of, reported_members
from directory.models import BulkAction


@console_page(Permission.READ)
@require_safe
def bulk_action_list(request: ConsoleRequest) -> HttpResponse:
    query = BulkActionQuery(request.GET, request.role)
    rows, pages = query.rows()
    kinds, states = BulkAction.Kind.choices, BulkAction.State.choices
    context = {"query": query, "rows": rows, "pages": pages, "kinds": kinds, "states": states}
    return render(request, "directory/bulk_action_list.html", context)


@console_page(Permission.READ)
@require_safe
def bulk_action_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    """Show the progress, which htmx polls every second, or the result."""
    action = get_bulk_action(request, id)
    is_working = action.state == BulkAction.State.WORKING
    if getattr(request, "htmx", None) and not is_working:
        return HttpResponse(headers={"HX-Refresh": "true"})
    reported, pages = reported_members(action, request.role, request.GET)
    context = {
        "action": action,
        "tone": TONES[action.state],
        "is_working": is_working,
        "reasons": reasons_of(action),
        "reported": reported,
        "pages": pages,
        "may_cancel": is_working and may(request.role, Permission.MANAGE_MEMBERS),
        "is_author": action.author_id == request.role.user_id and may_still(action, request.role),
        "has_file": exported_file(action) is not None,
        "kept_hours": settings.EXPORT_KEPT_HOURS,
        "may_read_audit": may(request.role, Permission.READ_AUDIT),
    }
    return render(request, "directory/bulk_action_detail.html", context)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:bulk_action_detail")
def bulk_action_cancel(request: ConsoleRequest, id: int) -> HttpResponse:
    action = get_bulk_action(request, id)
    cancel_bulk_action(action, by=request.actor)
    return see_other("directory:bulk_action_detail", id=action.pk)


@console_page(Permission.SEE_PHONES)
@fresh_download("directory:bulk_action_detail")
@require_safe
def bulk_action_file(request: ConsoleRequest, id: int) -> HttpResponse:
    """Download the workbook of an export; only its author may."""
    action = get_bulk_action(request, id)
    path = exported_file(action)
    if path is None or action.author_id != request.role.user_id:
        raise Http404
    headers = {"Content-Disposition": 'attachment; filename="members.xlsx"'}
    return HttpResponse(path.read_bytes(), XLSX, headers=headers)
