"""The actor of a request, as the audit log records it."""

from __future__ import annotations

import uuid
from functools import partial

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.audit.recording import Actor
from accounts.clients import client_address


def set_actor(request: HttpRequest) -> None:
    """Set `request.actor`, evaluated when first used. Call it again after a sign-in or sign-out."""
    request.actor = SimpleLazyObject(partial(_read_actor, request))  # type: ignore[attr-defined]


def _read_actor(request: HttpRequest) -> Actor:
    user = request.user if request.user.is_authenticated else None
    return Actor(
        user=user,
        name=str(user or ""),
        ip=client_address(request),
        user_agent=request.headers.get("user-agent", ""),
        request_id=getattr(request, "request_id", "") or uuid.uuid4().hex,
    )
