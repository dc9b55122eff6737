"""Export members: a few in the request, more as a bulk action."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.access import console_page, fresh_export
from accounts.audit.recording import recording
from accounts.permissions import Permission
from accounts.requests import ConsoleRequest
from core.list_query import submitted_query
from core.responses import post_only, see_other
from core.workbook_cells import XLSX
from directory.bulk_actions.job import open_bulk_action
from directory.imports.export import chunks_of, export_members
from directory.members.list import MemberQuery
from directory.models import BulkAction


@console_page(Permission.SEE_PHONES)
@fresh_export("directory:member_list")
@post_only("directory:member_list")
def member_export(request: ConsoleRequest) -> HttpResponse:
    """Download the members in `members`, or else all that match, as a workbook that can be imported again.

    If there are more than MEMBERS_EXPORTED_AT_ONCE, a worker writes it. This is a POST because it is recorded.
    """
    query = MemberQuery(submitted_query(request), request.role, with_bin=True)
    chosen = query.chosen(request.POST) if "members" in request.POST else query.matching()
    number = chosen.count()
    if not number:
        messages.warning(request, _("No matching members."))
        return see_other(reverse("directory:member_list") + query.url())
    if number > settings.MEMBERS_EXPORTED_AT_ONCE:
        action = open_bulk_action(
            request.enterprise, BulkAction.Kind.EXPORT, chosen, by=request.actor, filters=query.unnamed_fields
        )
        return see_other("directory:bulk_action_detail", id=action.pk)
    with recording(request.enterprise, by=request.actor) as record:
        after = {"members": number, "filters": query.unnamed_fields}
        record("members_exported", request.enterprise, after=after)
    content = export_members(request.enterprise, chunks_of(chosen), language=get_language() or "")
    return HttpResponse(content, XLSX, headers={"Content-Disposition": 'attachment; filename="members.xlsx"'})
