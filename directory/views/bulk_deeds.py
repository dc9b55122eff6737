"""Bulk deeds in the console: those that go on and those that are over, and one of them."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Permission, console_page, fresh_download, may
from accounts.answers import see_other
from accounts.requests import ConsoleRequest
from accounts.workbooks import XLSX
from directory.access import get_bulk_deed
from directory.bulk_deed_rows import TONES, BulkDeedQuery, reasons_of, told_of_deed
from directory.bulk_deeds import cancel_bulk_deed, exported_file, may_still
from directory.models import BulkDeed


@console_page(Permission.READ)
@require_safe
def bulk_deed_list(request: ConsoleRequest) -> HttpResponse:
    query = BulkDeedQuery(request.GET, request.role)
    rows, pages = query.rows()
    kinds, states = BulkDeed.Kind.choices, BulkDeed.State.choices
    context = {"query": query, "rows": rows, "pages": pages, "kinds": kinds, "states": states}
    return render(request, "directory/bulk_deed_list.html", context)


@console_page(Permission.READ)
@require_safe
def bulk_deed_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    """How far it has come, or what came of it. While a worker is at it the page asks again each second."""
    deed = get_bulk_deed(request, id)
    is_working = deed.state == BulkDeed.State.WORKING
    if getattr(request, "htmx", None) and not is_working:
        return HttpResponse(headers={"HX-Refresh": "true"})
    told, pages = told_of_deed(deed, request.role, request.GET)
    context = {
        "deed": deed,
        "tone": TONES[deed.state],
        "is_working": is_working,
        "reasons": reasons_of(deed),
        "told": told,
        "pages": pages,
        "may_cancel": is_working and may(request.role, Permission.MANAGE_MEMBERS),
        "is_author": deed.author_id == request.role.user_id and may_still(deed, request.role),
        "has_file": exported_file(deed) is not None,
        "kept_hours": settings.EXPORT_KEPT_HOURS,
        "may_read_audit": may(request.role, Permission.READ_AUDIT),
    }
    return render(request, "directory/bulk_deed_detail.html", context)


@console_page(Permission.MANAGE_MEMBERS)
@require_POST
def bulk_deed_cancel(request: ConsoleRequest, id: int) -> HttpResponse:
    deed = get_bulk_deed(request, id)
    cancel_bulk_deed(deed, by=request.actor)
    return see_other("directory:bulk_deed_detail", id=deed.pk)


@console_page(Permission.SEE_PHONES)
@fresh_download("directory:bulk_deed_detail")
@require_safe
def bulk_deed_file(request: ConsoleRequest, id: int) -> HttpResponse:
    """The workbook, to whoever asked for it and nobody else."""
    deed = get_bulk_deed(request, id)
    path = exported_file(deed)
    if path is None or deed.author_id != request.role.user_id:
        raise Http404
    headers = {"Content-Disposition": 'attachment; filename="members.xlsx"'}
    return HttpResponse(path.read_bytes(), XLSX, headers=headers)
