"""Who acts in a request, and from where: what the audit log is told."""

from __future__ import annotations

import uuid
from functools import partial

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.audit.recording import Actor
from accounts.clients import client_address


def set_actor(request: HttpRequest) -> None:
    """Let `request.actor` be read on first need; again after someone signed in or out."""
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
