"""List and end the sessions of the signed-in user, one per browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.recording import recording
from accounts.clients import HAND_HELD, describe_browser, device_name, name_browser
from accounts.models import ScannedSession
from accounts.requests import SignedInRequest
from accounts.sign_in.known_browsers import forget_browser, forget_browsers
from accounts.sign_in.sessions import current_enterprise, delete_sessions, end_session, end_sessions


@dataclass(frozen=True)
class Device:
    id: int
    browser: str
    system: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool
    is_scanned: bool
    approved_with: str

    @property
    def is_hand_held(self) -> bool:
        return self.system in HAND_HELD

    @property
    def name(self) -> str:
        return device_name(self.browser, self.system)


def list_devices(request: SignedInRequest) -> list[Device]:
    """Return the user's active sessions, this one first, then the most recently used."""
    rows = list(_rows(request).order_by("-last_seen_at"))
    alive = Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    keys = set(alive.values_list("session_key", flat=True))
    devices = [_device(row, request.session.session_key) for row in rows if row.session_key in keys]
    return sorted(devices, key=lambda device: not device.is_this)


def list_new_devices(request: SignedInRequest) -> list[Device]:
    """Return the user's other sessions that were opened by scanning and not confirmed yet."""
    rows = _rows(request).filter(scanned__is_known=False).exclude(session_key=request.session.session_key)
    return [_device(row, None) for row in rows.order_by("-created_at")]


def trust_device(request: SignedInRequest, row: UserSession) -> None:
    """Confirm another session that was opened by scanning. A session cannot confirm itself."""
    others = ScannedSession.objects.filter(session=row).exclude(session__session_key=request.session.session_key)
    with _recording(request) as record:
        if others.filter(is_known=False).update(is_known=True):
            record("device_confirmed")


def end_device(request: SignedInRequest, row: UserSession) -> None:
    """End one of the user's sessions. Unless it is this one, its browser is no longer known either.

    Record nothing if it has already ended.
    """
    with _recording(request) as record:
        if not delete_sessions(UserSession.objects.filter(pk=row.pk)):
            return
        record("device_signed_out")
        if row.session_key == request.session.session_key:
            end_session(request)
        else:
            forget_browser(request.user, row.data.get("browser", ""))


def end_all_devices(request: SignedInRequest) -> None:
    """End all of the user's sessions, including this one, and forget their browsers."""
    with _recording(request) as record:
        record("signed_out_everywhere")
        end_sessions(request.user)
        forget_browsers(request.user)
        end_session(request)


def _rows(request: SignedInRequest) -> QuerySet[UserSession]:
    return UserSession.objects.filter(user_id=request.user.pk).select_related("scanned")


def _device(row: UserSession, this_key: str | None) -> Device:
    browser, system = describe_browser(row.user_agent)
    scanned: ScannedSession | None = getattr(row, "scanned", None)
    return Device(
        id=row.pk,
        browser=browser or _("Unknown browser"),
        system=system,
        ip=row.ip,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        is_this=row.session_key == this_key,
        is_scanned=scanned is not None,
        approved_with=name_browser(scanned.approved_with) if scanned else "",
    )


@contextmanager
def _recording(request: SignedInRequest) -> Iterator[Callable[[str], object]]:
    """Do as `recording` in the session's enterprise. Without one, open a transaction and record nothing."""
    enterprise, user = current_enterprise(request), request.user
    if enterprise is None:
        with transaction.atomic():
            yield lambda _action: None
        return
    with recording(enterprise, by=request.actor) as record_about:
        yield lambda action: record_about(action, user)
