"""The phone's side of a QR sign-in: a signed-in person scans the code, and approves or declines it.

Opening the code's page changes nothing. The first signed-in person who scans the code locks it to themselves. If phone
and desktop are in different networks, the person enters the two digits shown on the desktop, which a forwarded picture
of the code doesn't contain (security.md 2.2).
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
from accounts.qr_sign_in.states import QrUnknown, State, count_limited, unknown_code
from accounts.requests import SignedInRequest
from accounts.sign_in.sessions import current_enterprise
from core.counters import check_count

HOUR_SECONDS = 3600


class Obstacle(StrEnum):
    """Why a session may not approve codes."""

    NO_ENTERPRISE = auto()
    SCANNED_ITSELF = auto()
    HELD_BACK = auto()
    TOO_OLD = auto()


class MayNotApprove(Exception):
    """This session may not approve codes."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


class NumberWrong(Exception):
    """The two digits are missing or differ from those on the desktop."""


def read_code(request: SignedInRequest, token: str) -> QrSignIn:
    """Return a new code, or one that this person has scanned. Raise QrUnknown or QrLimited."""
    is_new = Q(state=State.NEW, expires_at__gt=timezone.now())
    code = QrSignIn.objects.filter(Q(user=request.user) | is_new, token=token).first()
    if code is None:
        raise unknown_code(request)
    return code


def find_obstacle(request: SignedInRequest) -> Obstacle | None:
    """Return why this session may not approve codes, or None.

    A session opened by QR code may not, so that none can multiply itself. Nor may a restricted one, because the
    desktop's session would be unrestricted.
    """
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
    """True if phone and desktop are in different networks, as with mobile data."""
    return not is_near(code.ip, client_address(request))


def scan_code(request: SignedInRequest, token: str) -> None:
    """Lock the code to this person, once. Raise QrUnknown, QrLimited or MayNotApprove."""
    enterprise = _enterprise(request)
    code = read_code(request, token)
    if code.state != State.NEW:
        return
    with recording(enterprise, by=request.actor) as record:
        scanner = {"user": request.user, "is_number_required": needs_number(request, code)}
        if _transition(code, State.NEW, State.SCANNED, settings.ACCOUNTS_QR_CONFIRM_SECONDS, **scanner):
            record("qr_scanned", code, after=_desktop(code))
            return
    code.refresh_from_db()
    if code.user_id != request.user.pk:
        raise unknown_code(request)


def approve_code(request: SignedInRequest, token: str, *, number: str) -> None:
    """Allow the desktop to sign in. Raise QrUnknown, QrLimited, MayNotApprove or NumberWrong."""
    enterprise = _enterprise(request)
    code = _scanned_code(request, token)
    limit = (f"qr approve {request.user.pk}", HOUR_SECONDS, settings.ACCOUNTS_QR_APPROVALS_PER_HOUR)
    # Checked first, because a refused approval must not use up an attempt at the number.
    count_limited(*limit, count=check_count)
    if needs_number(request, code):
        _verify_number(request, code, enterprise, number)
    count_limited(*limit)
    with recording(enterprise, by=request.actor) as record:
        approver = {
            "enterprise": enterprise,
            "session_key": request.session.session_key,
            "approved_with": request.headers.get("user-agent", "")[:200],
        }
        if not _transition(code, State.SCANNED, State.APPROVED, settings.ACCOUNTS_QR_CLAIM_SECONDS, **approver):
            raise unknown_code(request)
        record("qr_approved", code, after=_desktop(code))


def decline_code(request: SignedInRequest, token: str) -> None:
    """Decline the desktop, and end its session if it has one. Raise QrUnknown or QrLimited."""
    code = read_code(request, token)
    enterprise = code.enterprise or current_enterprise(request)
    if code.user_id != request.user.pk or enterprise is None:
        raise unknown_code(request)
    with recording(enterprise, by=request.actor) as record:
        if _transition(code, State.SCANNED, State.DECLINED, 0) or _transition(code, State.APPROVED, State.DECLINED, 0):
            record("qr_declined", code, after=_desktop(code))
            return
    # In a transaction of its own: `end_device` locks the chain of the session's enterprise, which need not be the
    # code's. Nothing can come between the two, because a claimed code never becomes scanned or approved again.
    code.refresh_from_db()
    if code.device:
        end_device(request, code.device)
        QrSignIn.objects.filter(pk=code.pk, state=State.CLAIMED).update(state=State.DECLINED)


def _enterprise(request: SignedInRequest) -> Enterprise:
    if obstacle := find_obstacle(request):
        raise MayNotApprove(obstacle)
    enterprise = current_enterprise(request)
    assert enterprise  # otherwise there is an obstacle
    return enterprise


def _scanned_code(request: SignedInRequest, token: str) -> QrSignIn:
    code = QrSignIn.objects.filter(
        token=token, user=request.user, state=State.SCANNED, expires_at__gt=timezone.now()
    ).first()
    if code is None:
        raise unknown_code(request)
    return code


def _transition(code: QrSignIn, before: State, after: State, seconds: int, **fields: Any) -> bool:
    """Move the code from `before` to `after` if it has not expired; the new state lasts `seconds`. Return success."""
    now = timezone.now()
    row = QrSignIn.objects.filter(pk=code.pk, state=before, expires_at__gt=now)
    return bool(row.update(state=after, expires_at=now + timedelta(seconds=seconds), **fields))


def _verify_number(request: SignedInRequest, code: QrSignIn, enterprise: Enterprise, number: str) -> None:
    """Raise NumberWrong, or QrUnknown after the last attempt, which expires the code.

    The attempt is counted before the check, so that parallel attempts can't exceed the limit.
    """
    most = settings.ACCOUNTS_QR_NUMBER_TRIES
    with recording(enterprise, by=request.actor) as record:
        row = QrSignIn.objects.filter(pk=code.pk, state=State.SCANNED, tries__lt=most)
        # The phone may have changed its network since the scan; the desktop shows the number from now on.
        row.filter(is_number_required=False).update(is_number_required=True)
        if number and not row.update(tries=F("tries") + 1):
            raise unknown_code(request)
        code.refresh_from_db()
        if number == code.number:
            return
        record("qr_mismatch", code, after={**_desktop(code), "try": code.tries})
        is_over = code.tries >= most
        if is_over:
            QrSignIn.objects.filter(pk=code.pk).update(state=State.EXPIRED, expires_at=timezone.now())
    raise QrUnknown if is_over else NumberWrong


def _desktop(code: QrSignIn) -> dict[str, str]:
    return {"ip": code.ip, "browser": " ".join(describe_browser(code.user_agent))}
