"""Stop uploads that are too large before they are read: the first of settings.FILE_UPLOAD_HANDLERS."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

# Room for the rest of the form.
FORM_BYTES = 64 * 1024


class UploadCap(FileUploadHandler):
    """Stops at the file; the fields before it, such as the CSRF token, reach the view."""

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
