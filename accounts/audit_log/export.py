"""The audit log as a workbook: what a list's search and filters find, newest first."""

from __future__ import annotations

import tempfile
from typing import IO

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from openpyxl import Workbook

from accounts.audit.recording import Actor, recording
from accounts.audit_log.rows import AuditRow, Change
from accounts.audit_log.search import AuditQuery
from accounts.models import AuditEvent, Role
from core.workbook_cells import text_cells

WIDTHS = (10, 20, 18, 14, 14, 24, 14, 20, 12, 60, 16, 22, 36, 10)
# What a cell holds at most.
CELL_MAX = 32_000


def export_audit(query: AuditQuery, reader: Role, *, by: Actor) -> IO[bytes]:
    """A file that is gone once it is closed; at most AUDIT_EXPORT_ROWS events, the newest: where there are more, its
    last line says so and how to come to them. The export is recorded."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Audit log"))
    for place, width in enumerate(WIDTHS):
        sheet.column_dimensions["ABCDEFGHIJKLMN"[place]].width = width
    sheet.append(text_cells(sheet, _headings()))
    count, is_cut = 0, False
    for event in query.walk(limit=settings.AUDIT_EXPORT_ROWS + 1):
        is_cut = count == settings.AUDIT_EXPORT_ROWS
        sheet.append(text_cells(sheet, [_rest(event)] if is_cut else _texts(AuditRow(event, reader))))
        count += not is_cut
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the answer closes it)
    book.save(file)
    file.seek(0)
    with recording(query.enterprise, by=by) as record:
        record("audit_exported", query.enterprise, after={"events": count, "is_cut": is_cut, "filters": query.fields})
    return file


def _headings() -> list[str]:
    return [
        _("Number"), _("Time"), _("Done by"), _("Role"), _("By way of"), _("Action"), _("Kind"), _("What"), _("Id"),
        _("Changes"), _("IP address"), _("Browser"), _("Request"), _("Verified"),
    ]  # fmt: skip


def _texts(row: AuditRow) -> list[str]:
    event = row.event
    at = timezone.localtime(event.at).strftime("%Y-%m-%d %H:%M:%S")
    changes = "\n".join(map(_told, row.changes))[:CELL_MAX]
    return [
        str(event.number), at, row.actor, row.role, row.via, row.action, row.kind, row.target,
        event.target_id, changes, event.ip, row.browser, event.request_id,
        _("yes") if row.is_sound else _("no"),
    ]  # fmt: skip


def _rest(event: AuditEvent) -> str:
    """`event`: the first that has no place."""
    words = _("Only the newest %(count)s events are here. For those before them choose “Until” %(day)s.")
    return words % {"count": f"{settings.AUDIT_EXPORT_ROWS:,}", "day": timezone.localdate(event.at).isoformat()}


def _told(change: Change) -> str:
    if change.is_same:
        return f"{change.label}: {change.after}"
    return f"{change.label}: {change.before or '–'} → {change.after or '–'}"
