"""A context processor for all pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.devices.actions import list_new_devices


def new_devices(request: HttpRequest) -> dict[str, Any]:
    """Add `new_devices`: the user's unconfirmed sessions that were opened by scanning, queried when used."""
    return {"new_devices": SimpleLazyObject(lambda: _new_devices(request))}


def _new_devices(request: Any) -> list[Any]:
    user = getattr(request, "user", None)
    return list_new_devices(request) if user and user.is_authenticated else []
