"""The audit log: its list, one event, its verification and its download."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import console_page, fresh_download
from accounts.audit.verification import EventVerifier
from accounts.audit.verification_job import start_check
from accounts.audit_log.export import export_audit
from accounts.audit_log.forms import AuditFilterForm
from accounts.audit_log.rows import AuditRow
from accounts.audit_log.search import AuditQuery
from accounts.models import AuditChain, AuditCheck, AuditEvent
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.pagination import read_page
from core.responses import post_only, see_other
from core.workbook_cells import XLSX


@console_page(Permission.READ_AUDIT)
@require_safe
def audit_list(request: ConsoleRequest) -> HttpResponse:
    """List the events that match; for htmx render only the progress of the verification."""
    if _asks_for_chain(request):
        return render(request, "accounts/_audit_chain.html", _chain(request))
    query = AuditQuery(request.GET, request.enterprise)
    page = read_page(query, query, count_text=query.count_text())
    verifier = EventVerifier(request.enterprise.pk)
    context = {
        **_chain(request),
        "query": query,
        "form": AuditFilterForm(query),
        "page": page,
        "at_most": settings.AUDIT_EXPORT_ROWS if query.may_exceed(settings.AUDIT_EXPORT_ROWS) else None,
        "rows": [AuditRow(event, request.role, verifier) for event in page.rows],
    }
    return render(request, "accounts/audit_list.html", context)


@console_page(Permission.READ_AUDIT)
@require_safe
def audit_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    """Show the event with this number; for htmx only the part that opens below its line."""
    event = get_object_or_404(AuditEvent, enterprise=request.enterprise, number=id)
    part = "accounts/_audit_event.html" if getattr(request, "htmx", None) else "accounts/audit_detail.html"
    row = AuditRow(event, request.role, EventVerifier(request.enterprise.pk))
    return render(request, part, {"row": row, "here": reverse("accounts:audit_list")})


@console_page(Permission.READ_AUDIT)
@post_only("accounts:audit_list")
def audit_check(request: ConsoleRequest) -> HttpResponse:
    check = start_check(request.enterprise, by=request.actor)
    if check.state == "running":
        check.refresh_from_db()
    if check.state == "whole":
        messages.success(request, _("The activity log is complete and unmodified."))
    return see_other("accounts:audit_list")


@console_page(Permission.READ_AUDIT)
@fresh_download("accounts:audit_list")
@post_only("accounts:audit_list")
def audit_export(request: ConsoleRequest) -> HttpResponse:
    """Download the events that match. This is a POST because it is recorded."""
    query = AuditQuery(request.GET, request.enterprise)
    file = export_audit(query, request.role, by=request.actor)
    return FileResponse(file, as_attachment=True, filename="audit.xlsx", content_type=XLSX)  # type: ignore[return-value]


def _asks_for_chain(request: HttpRequest) -> bool:
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx and htmx.target == "audit-chain")


def _chain(request: ConsoleRequest) -> dict[str, Any]:
    """Return the log's `length`, its last verification `check` (or None), and how many events are `newer` than that."""
    chain = AuditChain.objects.filter(enterprise=request.enterprise).first()
    check = AuditCheck.objects.filter(enterprise=request.enterprise).first()
    length = chain.length if chain else 0
    newer = max(0, length - check.length) if check else length
    return {"length": length, "check": check, "newer": newer, "here": reverse("accounts:audit_list")}
