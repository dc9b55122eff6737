"""Export members: a few in the request, more as a bulk action."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import console_page, fresh_download
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.responses import see_other
from core.workbook_cells import XLSX
from directory.bulk_actions.job import open_bulk_action
from directory.imports.export import chunks_of, export_members
from directory.members.list import MemberQuery
from directory.models import BulkAction


@console_page(Permission.SEE_PHONES)
@fresh_download("directory:member_list")
@require_http_methods(["GET", "HEAD", "POST"])
def member_export(request: ConsoleRequest) -> HttpResponse:
    """Download the filtered members as a workbook that can be imported again.

    If there are more than MEMBERS_EXPORTED_AT_ONCE, GET shows their number, and POST has a worker write the workbook.
    """
    query = MemberQuery(request.GET, request.role, with_bin=True)
    found = query.matching()
    number = found.count()
    back = reverse("directory:member_list") + query.url()
    if request.method == "POST" and number:
        action = open_bulk_action(request.enterprise, BulkAction.Kind.EXPORT, found, by=request.actor)
        return see_other("directory:bulk_action_detail", id=action.pk)
    if request.method == "POST":
        messages.warning(request, _("No matching members."))
        return see_other(back)
    if number > settings.MEMBERS_EXPORTED_AT_ONCE:
        return render(request, "directory/member_export.html", {"number": number, "query": query, "back": back})
    content = export_members(request.enterprise, chunks_of(found), language=get_language() or "")
    return HttpResponse(content, XLSX, headers={"Content-Disposition": 'attachment; filename="members.xlsx"'})
