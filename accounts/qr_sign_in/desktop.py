"""The desktop's side of a QR sign-in: it shows a code, polls until a phone has approved it, and claims it once.

The code contains a random `token`. A photo of it is not enough to sign in, because only the browser that shows it has
the secret (its cookie) to poll and claim it. Each transition is one conditional UPDATE. See docs/qr-sign-in.md.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.audit.recording import recording
from accounts.clients import address_block, browser_secret, client_address
from accounts.membership import get_membership
from accounts.models import QrSignIn, ScannedSession, User
from accounts.qr_sign_in.states import OPEN_STATES, QrLimited, State, count_limited, unknown_code
from accounts.requests import PublicRequest
from accounts.sign_in.sessions import open_session
from core.locks import advisory_lock


class QrNotApproved(Exception):
    """The code is not approved, no longer, or was claimed already."""


class QrWithdrawn(Exception):
    """The session that approved the code has ended or lost its access."""


def show_code(request: HttpRequest, *, renews: str = "") -> QrSignIn:
    """Create a code for this browser. `renews` is the token of an expired one. Raise QrLimited.

    Renewals don't count against the address, because a few open sign-in pages would use up the limit of an office.
    """
    browser, now = _browser(request), timezone.now()
    renewals = _count_renewal(browser, renews)
    if not renewals:
        count_limited(f"qr {address_block(client_address(request))}", 60, settings.ACCOUNTS_QR_PER_ADDRESS)
    with transaction.atomic():
        advisory_lock(f"qr {browser}")
        _expire_oldest(browser)
        return QrSignIn.objects.create(
            browser=browser,
            created_at=now,
            expires_at=now + timedelta(seconds=settings.ACCOUNTS_QR_SCAN_SECONDS),
            ip=client_address(request),
            user_agent=request.headers.get("user-agent", "")[:200],
            renewals=renewals,
        )


def address_of(code: QrSignIn) -> str:
    return f"{settings.PUBLIC_URL}/q/{code.token}/"


def find_code(request: HttpRequest, token: str) -> QrSignIn:
    """Return the code with this token if this browser shows it. Raise QrUnknown or QrLimited."""
    try:
        return QrSignIn.objects.get(token=token, browser=_browser(request))
    except QrSignIn.DoesNotExist:
        raise unknown_code(request) from None


def poll_code(request: HttpRequest, token: str) -> QrSignIn:
    """Do as `find_code` for a polling page. Raise QrLimited also for polling too often."""
    code, now = find_code(request, token), timezone.now()
    least = now - timedelta(seconds=settings.ACCOUNTS_QR_POLL_LEAST_SECONDS)
    rested = Q(polled_at=None) | Q(polled_at__lte=least)
    if not QrSignIn.objects.filter(rested, pk=code.pk).update(polled_at=now):
        raise QrLimited(settings.ACCOUNTS_QR_POLL_SECONDS)
    return code


def claim_code(request: PublicRequest, token: str) -> None:
    """Claim the approved code: sign its user in, in the enterprise of the session that approved it.

    Raise QrUnknown, QrLimited, QrNotApproved or QrWithdrawn.
    """
    code = find_code(request, token)
    if code.enterprise is None:
        raise QrNotApproved
    with recording(code.enterprise, by=request.actor):
        approved = QrSignIn.objects.filter(pk=code.pk, state=State.APPROVED, expires_at__gt=timezone.now())
        if not approved.update(state=State.CLAIMED):
            raise QrNotApproved
        code.refresh_from_db()
        may_claim = _is_still_approved(code)
        if may_claim:
            _open(request, code)
        else:
            QrSignIn.objects.filter(pk=code.pk).update(state=State.EXPIRED)
    if not may_claim:
        raise QrWithdrawn


def masked_name(user: User) -> str:
    """Return a name such as 林* or A***, or "" if the user has none."""
    return user.name[0] + "*" * min(3, max(1, len(user.name) - 1)) if user.name else ""


def delete_expired_codes() -> int:
    """Delete codes ACCOUNTS_QR_KEPT_SECONDS after they expired. Return the number of rows."""
    oldest = timezone.now() - timedelta(seconds=settings.ACCOUNTS_QR_KEPT_SECONDS)
    return QrSignIn.objects.filter(expires_at__lt=oldest).delete()[0]


def _browser(request: HttpRequest) -> str:
    return hashlib.sha256(browser_secret(request).encode()).hexdigest()


def _count_renewal(browser: str, token: str) -> int:
    """Return how often this page has renewed its code, 0 for the first. An expired new code can be renewed once."""
    old = QrSignIn.objects.filter(
        token=token,
        browser=browser,
        state=State.NEW,
        expires_at__lte=timezone.now(),
        renewals__lt=settings.ACCOUNTS_QR_RENEWALS,
        is_renewed=False,
    )
    if not token or not old.update(is_renewed=True):
        return 0
    return QrSignIn.objects.values_list("renewals", flat=True).get(token=token) + 1


def _expire_oldest(browser: str) -> None:
    """Expire this browser's oldest codes, so that one more stays within the limit."""
    now = timezone.now()
    outstanding = QrSignIn.objects.filter(browser=browser, state__in=OPEN_STATES, expires_at__gt=now)
    old = outstanding.order_by("-pk").values_list("pk", flat=True)[settings.ACCOUNTS_QR_PER_BROWSER - 1 :]
    QrSignIn.objects.filter(pk__in=list(old), state__in=OPEN_STATES).update(state=State.EXPIRED, expires_at=now)


def _open(request: PublicRequest, code: QrSignIn) -> None:
    assert code.user  # constraints of the table ensure both
    assert code.enterprise
    open_session(request, code.user, method="qr", enterprise=code.enterprise)
    device = UserSession.objects.get(session_key=request.session.session_key)
    ScannedSession.objects.create(session=device, approved_with=code.approved_with)
    QrSignIn.objects.filter(pk=code.pk).update(device=device)


def _is_still_approved(code: QrSignIn) -> bool:
    """True if the approving session still exists in that enterprise, and its user may still act there."""
    session = Session.objects.filter(session_key=code.session_key, expire_date__gt=timezone.now()).first()
    if session is None or code.user is None or code.enterprise is None:
        return False
    data = session.get_decoded()
    return (
        data.get("_auth_user_id") == str(code.user.pk)
        and constant_time_compare(data.get("_auth_user_hash", ""), code.user.get_session_auth_hash())
        and data.get("enterprise") == code.enterprise_id
        and get_membership().may_act_in(code.user, code.enterprise)
    )
