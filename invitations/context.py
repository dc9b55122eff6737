"""Context processor: the counts in the console's navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Role
from invitations.access import applications_of
from invitations.models import Application


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Add `waiting`: URL name of a navigation item to its count, queried only if a page shows it."""
    role = getattr(request, "role", None)
    return {"waiting": SimpleLazyObject(lambda: _counts(role)) if role else {}}


def _counts(role: Role) -> dict[str, int]:
    pending = applications_of(role).filter(state=Application.State.PENDING)
    return {"invitations:application_list": pending.count()}
