"""The phone's side of a QR sign-in: someone signed in scans the code, sees what it would open, approves or declines.

Reading the code's page changes nothing. The first signed-in person who scans locks the code to themselves. Where phone
and desktop are not in one network, the phone's person types the two digits the desktop shows, which a stranger who
passed the code on doesn't make them see by passing on a picture (security.md 2.2).
"""

from __future__ import annotations

import time
from datetime import timedelta
from enum import StrEnum, auto
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from accounts.audit.recording import recording
from accounts.clients import client_address, describe_browser, is_near
from accounts.devices.actions import end_device
from accounts.membership import get_membership
from accounts.models import Enterprise, QrSignIn
from accounts.qr_sign_in.states import QrUnknown, State, count_limited, unknown
from accounts.requests import SignedInRequest
from accounts.sign_in.sessions import current_enterprise

HOUR = 3600


class Obstacle(StrEnum):
    """Why this session may approve nothing."""

    NO_ENTERPRISE = auto()
    SCANNED_ITSELF = auto()
    HELD_BACK = auto()
    TOO_OLD = auto()


class MayNotApprove(Exception):
    """This session may not; `obstacle` says why."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


class NumberWrong(Exception):
    """The two digits are missing, or are not those that the desktop shows."""


def read_code(request: SignedInRequest, token: str) -> QrSignIn:
    """The code as long as nobody scanned it, or one that this person scanned. Raises QrUnknown or QrLimited."""
    is_new = Q(state=State.NEW, expires_at__gt=timezone.now())
    code = QrSignIn.objects.filter(Q(user=request.user) | is_new, token=token).first()
    if code is None:
        raise unknown(request)
    return code


def obstacle_of(request: SignedInRequest) -> Obstacle | None:
    """What keeps this session from approving. One that came by scanning may not, or no chain of them would ever end;
    one that some enterprise holds back may not, or the desktop would enter there in its place."""
    enterprise = current_enterprise(request)
    if enterprise is None or not get_membership().may_act_in(request.user, enterprise):
        return Obstacle.NO_ENTERPRISE
    if request.session.get("method") == "qr":
        return Obstacle.SCANNED_ITSELF
    if not get_membership().session_is_unrestricted(request):
        return Obstacle.HELD_BACK
    if time.time() - request.session.get("signed_in_at", 0) >= settings.ACCOUNTS_QR_APPROVER_SECONDS:
        return Obstacle.TOO_OLD
    return None


def needs_number(request: SignedInRequest, code: QrSignIn) -> bool:
    """Whether phone and desktop are in different networks; usual for a phone on mobile data."""
    return not is_near(code.ip, client_address(request))


def scan_code(request: SignedInRequest, token: str) -> None:
    """Lock the code to this person. Scanning again is no harm. Raises QrUnknown, QrLimited or MayNotApprove."""
    enterprise = _enterprise(request)
    code = read_code(request, token)
    if code.state != State.NEW:
        return
    with recording(enterprise, by=request.actor) as record:
        if _move(code, State.NEW, State.SCANNED, settings.ACCOUNTS_QR_CONFIRM_SECONDS, user=request.user):
            record("qr_scanned", code, after=_desktop(code))
            return
    code.refresh_from_db()
    if code.user_id != request.user.pk:
        raise unknown(request)


def approve_code(request: SignedInRequest, token: str, *, number: str) -> None:
    """Let the desktop in. Raises QrUnknown, QrLimited, MayNotApprove or NumberWrong."""
    enterprise = _enterprise(request)
    code = _scanned_code(request, token)
    if needs_number(request, code):
        _prove_number(request, code, enterprise, number)
    count_limited(f"qr approve {request.user.pk}", HOUR, settings.ACCOUNTS_QR_APPROVALS_PER_HOUR)
    with recording(enterprise, by=request.actor) as record:
        approver = {
            "enterprise": enterprise,
            "session_key": request.session.session_key,
            "approved_with": request.headers.get("user-agent", "")[:200],
        }
        if not _move(code, State.SCANNED, State.APPROVED, settings.ACCOUNTS_QR_CLAIM_SECONDS, **approver):
            raise unknown(request)
        record("qr_approved", code, after=_desktop(code))


def decline_code(request: SignedInRequest, token: str) -> None:
    """Refuse the desktop; if it is signed in already, end its session. Raise QrUnknown or QrLimited."""
    code = read_code(request, token)
    enterprise = code.enterprise or current_enterprise(request)
    if code.user_id != request.user.pk or enterprise is None:
        raise unknown(request)
    with recording(enterprise, by=request.actor) as record:
        if _move(code, State.SCANNED, State.DECLINED, 0) or _move(code, State.APPROVED, State.DECLINED, 0):
            record("qr_declined", code, after=_desktop(code))
            return
    # In a transaction of its own: `end_device` locks the chain of the session's enterprise, which need not be the
    # code's. Nothing can come between the two, because a claimed code never becomes scanned or approved again.
    code.refresh_from_db()
    if code.device:
        end_device(request, code.device)
        QrSignIn.objects.filter(pk=code.pk, state=State.CLAIMED).update(state=State.DECLINED)


def _enterprise(request: SignedInRequest) -> Enterprise:
    if obstacle := obstacle_of(request):
        raise MayNotApprove(obstacle)
    enterprise = current_enterprise(request)
    assert enterprise  # there is an obstacle otherwise
    return enterprise


def _scanned_code(request: SignedInRequest, token: str) -> QrSignIn:
    code = QrSignIn.objects.filter(
        token=token, user=request.user, state=State.SCANNED, expires_at__gt=timezone.now()
    ).first()
    if code is None:
        raise unknown(request)
    return code


def _move(code: QrSignIn, before: State, after: State, seconds: int, **facts: Any) -> bool:
    """One arrow: from `before`, while its time is not over, to `after` for `seconds`. Whether it was taken."""
    now = timezone.now()
    row = QrSignIn.objects.filter(pk=code.pk, state=before, expires_at__gt=now)
    return bool(row.update(state=after, expires_at=now + timedelta(seconds=seconds), **facts))


def _prove_number(request: SignedInRequest, code: QrSignIn, enterprise: Enterprise, number: str) -> None:
    """Count the try first, so that of many at once no more are looked at than allowed; the last wrong one kills."""
    most = settings.ACCOUNTS_QR_NUMBER_TRIES
    with recording(enterprise, by=request.actor) as record:
        row = QrSignIn.objects.filter(pk=code.pk, state=State.SCANNED, tries__lt=most)
        if number and not row.update(tries=F("tries") + 1):
            raise unknown(request)
        code.refresh_from_db()
        if number == code.number:
            return
        record("qr_mismatch", code, after={**_desktop(code), "try": code.tries})
        is_over = code.tries >= most
        if is_over:
            QrSignIn.objects.filter(pk=code.pk).update(state=State.EXPIRED, expires_at=timezone.now())
    raise QrUnknown if is_over else NumberWrong


def _desktop(code: QrSignIn) -> dict[str, str]:
    """What the log says of the desktop."""
    return {"ip": code.ip, "browser": " ".join(describe_browser(code.user_agent))}
