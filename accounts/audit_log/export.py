"""Write the audit log as a workbook, newest event first."""

from __future__ import annotations

import tempfile
from typing import IO

from django.conf import settings
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from openpyxl import Workbook

from accounts.audit.recording import Actor, recording
from accounts.audit.verification import EventVerifier
from accounts.audit_log.rows import AuditRow, Change
from accounts.audit_log.search import AuditQuery
from accounts.models import AuditEvent, Role
from core.workbook_cells import text_cells

WIDTHS = (10, 20, 18, 14, 14, 24, 14, 20, 12, 60, 16, 22, 36, 10)
# Excel allows 32,767 characters in a cell.
CELL_MAX = 32_000


def export_audit(query: AuditQuery, reader: Role, *, by: Actor) -> IO[bytes]:
    """Write the newest AUDIT_EXPORT_ROWS events that match to a temporary file, and record the export.

    If there are more, the last row says how to get them.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Activity log"))
    for index, width in enumerate(WIDTHS):
        sheet.column_dimensions["ABCDEFGHIJKLMN"[index]].width = width
    sheet.append(text_cells(sheet, _headings()))
    count, is_cut, verifier = 0, False, EventVerifier(query.enterprise.pk)
    for event in query.walk(limit=settings.AUDIT_EXPORT_ROWS + 1):
        is_cut = count == settings.AUDIT_EXPORT_ROWS
        texts = [_cut_note(event)] if is_cut else _texts(AuditRow(event, reader, verifier))
        sheet.append(text_cells(sheet, texts))
        count += not is_cut
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the response closes it)
    book.save(file)
    file.seek(0)
    with recording(query.enterprise, by=by) as record:
        record("audit_exported", query.enterprise, after={"events": count, "is_cut": is_cut, "filters": query.fields})
    return file


def _headings() -> list[str]:
    return [
        _("No."), _("Time"), _("Performed by"), _("Role"), _("Source"), _("Action"), _("Type"), _("Target"), _("ID"),
        _("Changes"), _("IP address"), _("Browser"), _("Request ID"), _("Verified"),
    ]  # fmt: skip


def _texts(row: AuditRow) -> list[str]:
    event = row.event
    at = timezone.localtime(event.at).strftime("%Y-%m-%d %H:%M:%S")
    changes = "\n".join(map(_change_text, row.changes))[:CELL_MAX]
    return [
        str(event.number), at, row.actor, row.role, row.via, row.action, row.kind, row.target,
        event.target_id, changes, event.ip, row.browser, event.request_id,
        _("yes") if row.is_sound else _("no"),
    ]  # fmt: skip


def _cut_note(event: AuditEvent) -> str:
    """Return what the last row says, if `event` is the first that was left out."""
    text = _("Only the newest %(count)s events are included. To get earlier ones, set “Until” to %(day)s.")
    count = number_format(settings.AUDIT_EXPORT_ROWS, force_grouping=True)
    return text % {"count": count, "day": timezone.localdate(event.at).isoformat()}


def _change_text(change: Change) -> str:
    if change.is_same:
        return f"{change.label}: {change.after}"
    return f"{change.label}: {change.before or '–'} → {change.after or '–'}"
