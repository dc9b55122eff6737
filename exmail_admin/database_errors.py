"""Tell an unavailable database from a fault of ours."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError

READ_ONLY = "25006"  # PostgreSQL's SQLSTATE for a write on a read-only server, such as a standby


def is_unavailable(error: BaseException | None) -> bool:
    """True if the database can't be reached or can't be written to, so that the same request may succeed later."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", "") == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)
