"""Start an import: store the uploaded file unless it is too large, read it, and find its headings."""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.db import transaction
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.audit.recording import Actor
from accounts.models import Enterprise
from core.counters import CounterFull, count_up
from directory.imports.job import QUEUE
from directory.imports.reading.headings import find_heading
from directory.imports.reading.reader import Sheet, WorkbookRefused, read_workbook
from directory.imports.reading.titles import HEADING_ROWS
from directory.imports.row_files import RowFiles
from directory.models import Department, Import

MERGES_KEPT = 2000
# Of a request: room for the rest of the form.
FORM_BYTES = 64 * 1024
log = logging.getLogger(__name__)


class Upload(Protocol):
    """The part of Django's UploadedFile that is used."""

    @property
    def name(self) -> str | None: ...

    @property
    def size(self) -> int | None: ...

    def chunks(self) -> Iterable[bytes]: ...


class UploadCap(FileUploadHandler):
    """Stop uploads that are too large before they are read: the first of settings.FILE_UPLOAD_HANDLERS.

    The fields before the file, such as the CSRF token, reach the view.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.request and is_too_large(self.request):
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > settings.IMPORT_FILE_BYTES + FORM_BYTES:
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def is_too_large(request: HttpRequest) -> bool:
    """Return True if the Content-Length is beyond the limit."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and int(length) > settings.IMPORT_FILE_BYTES + FORM_BYTES


def start_import(
    department: Department,
    *,
    by: Actor,
    upload: Upload,
    mode: str = Import.Mode.CREATE,
    create_departments: bool = False,
) -> Import:
    """Store, scan and parse the file, and wake a worker to check its rows.

    Raises WorkbookRefused or ValidationError; nothing is kept then.
    """
    if not upload.size:
        raise WorkbookRefused("empty_file")
    if upload.size > settings.IMPORT_FILE_BYTES:
        raise WorkbookRefused("file_too_large")
    _count_upload(department.enterprise)
    stored = uuid.uuid4().hex
    try:
        files = RowFiles(stored)
        digest = _store(upload, files.path("upload"))
        sheet = read_workbook(files.path("upload"), files.path("rows"), name=upload.name or "")
        imported = Import(
            enterprise=department.enterprise,
            author=by.user,
            author_name=by.name[:64],
            actor=by.user,
            actor_name=by.name[:64],
            department=department,
            department_name=department.name,
            mode=mode,
            create_departments=create_departments,
            language=translation.get_language() or settings.LANGUAGE_CODE,
            file_name=plain_file_name(upload.name or ""),
            stored=stored,
            digest=digest,
            heading=_heading(sheet, is_update=mode == Import.Mode.UPDATE),
        )
        return _keep(imported)
    except OSError as error:
        RowFiles(stored).remove()
        log.exception("import_not_stored")
        text = _("The file couldn't be saved. The server's disk may be full. Contact the operator.")
        raise ValidationError(text, code="not_stored") from error
    except BaseException:
        RowFiles(stored).remove()
        raise


def _count_upload(enterprise: Enterprise) -> None:
    """Count an upload, successful or not. Raises ValidationError beyond IMPORT_UPLOADS in a window."""
    try:
        window = settings.IMPORT_UPLOAD_WINDOW_SECONDS
        count_up(f"uploads {enterprise.pk}", seconds=window, most=settings.IMPORT_UPLOADS)
    except CounterFull as full:
        raise ValidationError(
            _("Too many files were uploaded in the last 10 minutes. Wait a moment and try again."), code="limited"
        ) from full


def _heading(sheet: Sheet, *, is_update: bool) -> dict[str, Any]:
    first = list(takewhile(lambda line: line[0] <= HEADING_ROWS, sheet.lines()))
    heading = find_heading(first, is_update=is_update)
    rows = sheet.rows - sum(number <= heading.row for number, _cells in first)
    if not rows:
        raise WorkbookRefused("no_rows")
    if rows > settings.IMPORT_ROWS:
        raise WorkbookRefused("row_limit")
    return {
        "columns": asdict(heading),
        "sheet": sheet.name,
        "other_sheets": sheet.other_sheets[:20],
        "hidden_rows": sheet.hidden_rows,
        "hidden_columns": sheet.hidden_columns,
        "merges": sheet.merges[:MERGES_KEPT],
        "child_memory": sheet.child_memory,
    }


def _keep(imported: Import) -> Import:
    with transaction.atomic():
        imported.save()
        transaction.on_commit(QUEUE.wake)
    return imported


def plain_file_name(name: str) -> str:
    """Return the file's name for display, without path and invisible characters."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    return "".join(char for char in base if unicodedata.category(char)[0] != "C").strip()[-128:] or "–"


def _store(upload: Upload, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in upload.chunks():
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
