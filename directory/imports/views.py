"""Pages of imports: upload and history, one import from preview to undo, and its workbooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render, resolve_url
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import console_page, fresh_action, fresh_download
from accounts.permissions import Permission, may
from accounts.requests import ConsoleRequest
from core.responses import post_only, see_other, unprocessable
from core.workbook_cells import XLSX
from directory.access import departments_of, get_import
from directory.departments.tree import paths_of
from directory.imports.actions import (
    UndoChanged,
    begin_import,
    issue_codes_for,
    leave_out_row,
    repair_row,
    start_follow_up,
    start_undo,
)
from directory.imports.columns import COLUMNS
from directory.imports.forms import ImportNewForm
from directory.imports.pages import ImportPage, history_of
from directory.imports.preview.list import query_showing, refused_numbers
from directory.imports.transitions import cancel_import, members_to_invite
from directory.imports.upload import is_too_large
from directory.imports.workbook_writer import write_codes, write_failed, write_template
from directory.joining.recipients import Rules
from directory.joining.sending_views import confirm_sending
from directory.models import Import


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
    if getattr(request, "htmx", None) and not imported.is_working:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"imported": imported, "page": ImportPage(imported, request.role, request.GET)}
    return render(request, "directory/import_detail.html", context)


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
    return _act(request, id, begin_import)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:import_detail")
def import_cancel(request: ConsoleRequest, id: int) -> HttpResponse:
    return _act(request, id, cancel_import)


@console_page(Permission.MANAGE_MEMBERS)
@post_only("directory:import_detail")
def import_repair(request: ConsoleRequest, id: int) -> HttpResponse:
    """Repair the row `row` with the texts of its columns, or `leave_out` the row. `verdict` filtered the page."""
    imported = get_import(request, id)
    number = _read_number(request.POST.get("row", ""))
    if "leave_out" in request.POST:
        _try(request, leave_out_row, imported, number)
    else:
        cells = {one.name: request.POST[one.name][:1001] for one in COLUMNS if one.name in request.POST}
        _try(request, repair_row, imported, number, cells)
    return _after_repair(request, get_import(request, id), number)


@console_page(Permission.SEND_INVITATIONS)
@post_only("directory:import_detail")
def import_invite(request: ConsoleRequest, id: int) -> HttpResponse:
    """Invite the members that the import created, once the number of messages is confirmed."""
    imported = get_import(request, id)
    waiting = members_to_invite(imported, request.role)

    def send(_rules: Rules, _number: int) -> HttpResponse:
        _try(request, start_follow_up, imported, Import.FollowUp.INVITE)
        return see_other("directory:import_detail", id=imported.pk)

    back = resolve_url("directory:import_detail", id=imported.pk)
    context = {"imported": imported, "here": back, "back": back}
    return confirm_sending(request, "directory/import_invite.html", context, waiting, send=send)


@console_page(Permission.MANAGE_MEMBERS)
@fresh_action
@post_only("directory:import_detail")
def import_undo(request: ConsoleRequest, id: int) -> HttpResponse:
    """Undo the import. If it would take back another number of rows than `expected`, show the new counts instead."""
    imported = get_import(request, id)
    expected = _read_number(request.POST["expected"]) if "expected" in request.POST else None
    withdraws = "withdraw_invitations" in request.POST
    try:
        start_undo(imported, request.role, by=request.actor, expected=expected, withdraw_invitations=withdraws)
    except UndoChanged as changed:
        page = ImportPage(imported, request.role, QueryDict())
        url = resolve_url("directory:import_detail", id=imported.pk)
        context = {"imported": imported, "page": page, "undo_changed": changed.messages[0], "here": url}
        return unprocessable(request, "directory/import_detail.html", context)
    except ValidationError as error:
        messages.warning(request, error.messages[0])
    return see_other("directory:import_detail", id=imported.pk)


@console_page(Permission.MANAGE_MEMBERS)
@require_safe
def import_failed(request: ConsoleRequest, id: int) -> HttpResponse:
    imported = get_import(request, id)
    if not imported.is_read:
        raise Http404
    return _workbook(write_failed(imported, _language()), f"failed-{imported.pk}.xlsx")


@console_page(Permission.MANAGE_MEMBERS)
@fresh_download("directory:import_detail")
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


def _after_repair(request: ConsoleRequest, imported: Import, number: int) -> HttpResponse:
    """Show the row again if it is still refused, else go to the next refused row."""
    url, verdict = resolve_url("directory:import_detail", id=imported.pk), request.POST.get("verdict", "")
    refused = refused_numbers(imported)
    if imported.is_working:
        # Nothing is known of the rows while all of them are being checked again.
        refused = refused.none()
    if imported.state == Import.State.READY and refused.filter(number=number).exists():
        page = ImportPage(imported, request.role, query_showing(imported, number, verdict))
        context = {"imported": imported, "page": page, "repaired": number, "here": url}
        return unprocessable(request, "directory/import_detail.html", context)
    following = refused.filter(number__gt=number).first() or refused.last()
    if following is None:
        return see_other(url)
    query = query_showing(imported, following, verdict).urlencode()
    return see_other(f"{url}{'?' if query else ''}{query}#bad-row-{following}")


def _act(request: ConsoleRequest, id: int, action: Callable[..., Any], *args: Any) -> HttpResponse:
    """Run the action on the import, and redirect to its page."""
    imported = get_import(request, id)
    _try(request, action, imported, *args)
    return see_other("directory:import_detail", id=imported.pk)


def _try(request: ConsoleRequest, action: Callable[..., Any], *args: Any) -> None:
    try:
        action(*args, by=request.actor)
    except ValidationError as error:
        messages.warning(request, error.messages[0])


def _read_number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 9 else 0


def _list_context(request: ConsoleRequest, form: ImportNewForm) -> dict[str, Any]:
    history, pages, query = history_of(request.role, request.GET)
    may_import = may(request.role, Permission.MANAGE_MEMBERS)
    return {"form": form, "history": history, "pages": pages, "query": query, "may_import": may_import}


def _language() -> str:
    return get_language() or "zh-hans"


def _workbook(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(content, XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})
