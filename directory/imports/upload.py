"""Start an import: store the uploaded file unless it is too large, and read it or leave that to a worker."""

from __future__ import annotations

import hashlib
import logging
import math
import re
import time
import unicodedata
import uuid
from collections.abc import Iterable
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
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.reading.stored_file import read_at_once
from directory.imports.row_files import RowFiles
from directory.models import Department, Import

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
    seconds: float = math.inf,
) -> Import:
    """Store the file and wake a worker, which reads it unless it is read here within `seconds`, and checks its rows.

    Raises WorkbookRefused or ValidationError; nothing is kept then.
    """
    end = time.monotonic() + seconds
    if not upload.size:
        raise WorkbookRefused("empty_file")
    if upload.size > settings.IMPORT_FILE_BYTES:
        raise WorkbookRefused("file_too_large")
    _count_upload(department.enterprise)
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
        stored=uuid.uuid4().hex,
    )
    files = RowFiles(imported.stored)
    try:
        imported.digest = _store(upload, files.path("upload"))
        read_at_once(imported, seconds=end - time.monotonic())
        return _keep(imported)
    except OSError as error:
        files.remove()
        log.exception("import_not_stored")
        text = _("The file couldn't be saved. The server's disk may be full. Contact the operator.")
        raise ValidationError(text, code="not_stored") from error
    except BaseException:
        files.remove()
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
