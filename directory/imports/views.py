"""Pages of imports: upload and history, one import from preview to undo, and its workbooks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import render, resolve_url
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page, fresh_action
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other, unprocessable
from core.workbook_cells import XLSX
from directory.access import departments_of, get_import
from directory.departments.tree import paths_of
from directory.imports.actions import (
    begin_import,
    issue_codes_for,
    leave_out_row,
    repair_row,
    start_follow_up,
    waiting_for_code,
)
from directory.imports.columns import COLUMNS
from directory.imports.forms import ImportNewForm
from directory.imports.pages import (
    TONES,
    bad_rows,
    history_of,
    is_still_bad,
    is_working,
    kept_rows,
    left_out_rows,
    next_bad_row,
    noted_rows,
    page_with,
    read_number,
    remarks,
    unlinked_rows,
    with_numbers_masked,
)
from directory.imports.transitions import cancel_import, members_of_import
from directory.imports.upload_limit import is_too_large
from directory.imports.workbook_writer import write_codes, write_failed, write_template
from directory.models import Import, Member


@console_page(Permission.READ, to_change=Permission.MANAGE_MEMBERS)
@require_http_methods(["GET", "HEAD", "POST"])
def import_list(request: ConsoleRequest) -> HttpResponse:
    """Show the upload form and the history; POST starts an import."""
    typed = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = ImportNewForm(*typed, role=request.role)
    if typed[0] is None:
        return render(request, "directory/import_list.html", _list_context(request, form))
    if is_too_large(request):
        form.refuse_too_large()
    imported = form.start(by=request.actor) if form.is_valid() else None
    if imported is None:
        return unprocessable(request, "directory/import_list.html", _list_context(request, form))
    return see_other("directory:import_detail", id=imported.pk)


@console_page(Permission.READ)
@require_safe
def import_detail(request: ConsoleRequest, id: int) -> HttpResponse:
    """Show the preview, the progress or the result; while a worker is busy the page polls every second."""
    imported = get_import(request, id)
    if getattr(request, "htmx", None) and not is_working(imported):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "directory/import_detail.html", _detail_context(request, imported, request.GET))


@console_page(Permission.MANAGE_MEMBERS)
@require_safe
def import_template(request: ConsoleRequest) -> HttpResponse:
    domains = [domain.name for domain in request.enterprise.domains.order_by("-is_default", "name")]
    paths = [path.partition("/")[2] for path in paths_of(departments_of(request.role)).values()]
    content = write_template(_language(), domains, [path for path in paths if path])
    return _workbook(content, "members.xlsx")


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:import_detail")
def import_apply(request: ConsoleRequest, id: int) -> HttpResponse:
    imported = get_import(request, id)
    _try(request, lambda: begin_import(imported, by=request.actor))
    return see_other("directory:import_detail", id=imported.pk)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:import_detail")
def import_cancel(request: ConsoleRequest, id: int) -> HttpResponse:
    imported = get_import(request, id)
    _try(request, lambda: cancel_import(imported, by=request.actor))
    return see_other("directory:import_detail", id=imported.pk)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:import_detail")
def import_repair(request: ConsoleRequest, id: int) -> HttpResponse:
    """Repair the row `row` with the texts of its columns, or `leave_out` the row. `after` is where the page began."""
    imported = get_import(request, id)
    number, after = (read_number(request.POST.get(name, "")) for name in ("row", "after"))
    cells = {one.name: request.POST[one.name][:1001] for one in COLUMNS if one.name in request.POST}
    if "leave_out" in request.POST:
        _try(request, lambda: leave_out_row(imported, number, by=request.actor))
    else:
        _try(request, lambda: repair_row(imported, number, cells, by=request.actor))
    imported = get_import(request, id)
    if is_still_bad(imported, number):
        shown = page_with(imported, number, after)
        context = _detail_context(request, imported, shown) | {"repaired": number}
        context["here"] = resolve_url("directory:import_detail", id=imported.pk)
        return unprocessable(request, "directory/import_detail.html", context)
    return _back_to_the_bad_rows(imported, number, after)


@console_page(Permission.SEND_INVITATIONS)
@post_only("directory:import_detail")
def import_invite(request: ConsoleRequest, id: int) -> HttpResponse:
    imported = get_import(request, id)
    _try(request, lambda: start_follow_up(imported, Import.FollowUp.INVITE, by=request.actor))
    return see_other("directory:import_detail", id=imported.pk)


@console_page(Permission.MANAGE_MEMBERS)
@fresh_action
@post_only("directory:import_detail")
def import_undo(request: ConsoleRequest, id: int) -> HttpResponse:
    imported = get_import(request, id)
    _try(request, lambda: start_follow_up(imported, Import.FollowUp.UNDO, by=request.actor))
    return see_other("directory:import_detail", id=imported.pk)


@console_page(Permission.MANAGE_MEMBERS)
@require_safe
def import_failed(request: ConsoleRequest, id: int) -> HttpResponse:
    imported = get_import(request, id)
    return _workbook(write_failed(imported, _language()), f"failed-{imported.pk}.xlsx")


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:import_detail")
def import_codes(request: ConsoleRequest, id: int) -> HttpResponse:
    """Issue activation codes to the import's members, in a workbook that is not stored."""
    imported = get_import(request, id)
    issued = issue_codes_for(imported, request.role, by=request.actor)
    if not issued:
        messages.warning(request, _("No one in this import is waiting for an activation code."))
        return see_other("directory:import_detail", id=imported.pk)
    response = _workbook(write_codes(issued, f"{settings.PUBLIC_URL}/i/"), f"codes-{imported.pk}.xlsx")
    response["Cache-Control"] = "no-store"
    return response


def _back_to_the_bad_rows(imported: Import, number: int, after: int) -> HttpResponse:
    """Redirect to the page of refused rows, at the next one."""
    address = resolve_url("directory:import_detail", id=imported.pk) + (f"?row={after}" if after else "")
    following = next_bad_row(imported, number)
    return see_other(f"{address}#bad-row-{following}" if following else address)


def _try(request: ConsoleRequest, action: Any) -> None:
    try:
        action()
    except ValidationError as error:
        messages.warning(request, error.messages[0])


def _list_context(request: ConsoleRequest, form: ImportNewForm) -> dict[str, Any]:
    history, pages, text = history_of(request.role, request.GET)
    may_import = may(request.role, Permission.MANAGE_MEMBERS)
    return {"form": form, "history": history, "pages": pages, "text": text, "may_import": may_import}


def _detail_context(request: ConsoleRequest, imported: Import, asked: QueryDict) -> dict[str, Any]:
    """`asked` is the query that selects the refused rows."""
    may_import = may(request.role, Permission.MANAGE_MEMBERS)
    seen = list if may_import else with_numbers_masked
    bad = None if is_working(imported) else bad_rows(imported, asked)
    is_over = imported.is_over
    invitable = 0
    if is_over and imported.created:
        waiting = members_of_import(imported).filter(status=Member.Status.PENDING, invited_at=None)
        invitable = waiting.filter(activation=Member.Activation.PHONE).count()
    return {
        "imported": imported,
        "tone": TONES[imported.state],
        "is_working": is_working(imported),
        "remarks": remarks(imported) if imported.state != Import.State.FAILED else [],
        "bad_rows": seen(bad.rows) if bad else [],
        "bad_pages": bad and bad.pages,
        "bad_after": bad and bad.after,
        "noted_rows": seen(noted_rows(imported)) if imported.state == Import.State.READY else [],
        "left_out_rows": seen(left_out_rows(imported)) if imported.state == Import.State.READY else [],
        "parted_rows": seen(unlinked_rows(imported)) if imported.undone_at else [],
        "kept_rows": seen(kept_rows(imported)) if imported.undone_at else [],
        "invitable": invitable if may(request.role, Permission.SEND_INVITATIONS) else 0,
        "codes": waiting_for_code(imported, request.role).count() if is_over and may_import else 0,
        "may_import": may_import,
        "may_read_audit": may(request.role, Permission.READ_AUDIT),
        "may_undo": may_import and is_over and not imported.undone_at and bool(imported.stored and imported.to_apply),
        "steps": [_("Upload"), _("Preview"), _("Import"), _("Result")],
        "step": {"checking": 1, "ready": 2, "applying": 3}.get(imported.state, 4),
    }


def _language() -> str:
    return get_language() or "zh-hans"


def _workbook(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(content, XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})
