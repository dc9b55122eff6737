"""The story of a desktop that signs in by a QR code: it shows one, waits for a phone to approve it, and uses it once.

The code holds a random `token`; whoever photographs it gets no further, for only the browser that asked for it has the
secret (its own cookie) that polls and claims. What the phone does stands in accounts.qr_sign_in.phone. Every arrow of
the state machine is one conditional UPDATE; the times are the rows' own (security.md 2.2).
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
from accounts.clients import address_block, browser_of, client_address
from accounts.membership import get_membership
from accounts.models import QrSignIn, ScannedSession, User
from accounts.qr_sign_in.states import OPEN_STATES, QrLimited, State, count_limited, unknown
from accounts.requests import PublicRequest
from accounts.sign_in.sessions import open_session
from core.locks import advisory_lock


class QrNotApproved(Exception):
    """There is nothing to claim: not approved yet, no longer, or used already."""


class QrWithdrawn(Exception):
    """It was approved, but who approved it may not do so any more."""


def show_code(request: HttpRequest, *, renews: str = "") -> QrSignIn:
    """A new code for this browser. `renews`: the token of its last one, if that ran out. Raises QrLimited.

    The first code of a page counts against the address, its few renewals don't: else twenty open sign-in pages would
    use up what a whole office behind one address may ask for.
    """
    browser, now = _browser(request), timezone.now()
    renewals = _take_renewal(browser, renews)
    if not renewals:
        count_limited(f"qr {address_block(client_address(request))}", 60, settings.ACCOUNTS_QR_PER_ADDRESS)
    with transaction.atomic():
        advisory_lock(f"qr {browser}")
        _retire_old(browser)
        return QrSignIn.objects.create(
            browser=browser,
            created_at=now,
            expires_at=now + timedelta(seconds=settings.ACCOUNTS_QR_SCAN_SECONDS),
            ip=client_address(request),
            user_agent=request.headers.get("user-agent", "")[:200],
            renewals=renewals,
        )


def address_of(code: QrSignIn) -> str:
    """What the QR code says."""
    return f"{settings.PUBLIC_URL}/q/{code.token}/"


def find_code(request: HttpRequest, token: str) -> QrSignIn:
    """The code with this token if this very browser shows it. Raises QrUnknown or QrLimited."""
    try:
        return QrSignIn.objects.get(token=token, browser=_browser(request))
    except QrSignIn.DoesNotExist:
        raise unknown(request) from None


def poll_code(request: HttpRequest, token: str) -> QrSignIn:
    """The same for a page that asks again and again. Raises QrLimited also for asking more than once a second."""
    code, now = find_code(request, token), timezone.now()
    least = now - timedelta(seconds=settings.ACCOUNTS_QR_POLL_LEAST_SECONDS)
    rested = Q(polled_at=None) | Q(polled_at__lte=least)
    if not QrSignIn.objects.filter(rested, pk=code.pk).update(polled_at=now):
        raise QrLimited(settings.ACCOUNTS_QR_POLL_SECONDS)
    return code


def claim_code(request: PublicRequest, token: str) -> None:
    """Use the approved code up and sign its person in here, in a session of its own (never the phone's), in the
    enterprise of the session that approved it. Raises QrUnknown, QrLimited, QrNotApproved or QrWithdrawn."""
    code = find_code(request, token)
    if code.enterprise is None:
        raise QrNotApproved
    # The chain's lock first, as everywhere: else two that end one code would wait for each other.
    with recording(code.enterprise, by=request.actor):
        approved = QrSignIn.objects.filter(pk=code.pk, state=State.APPROVED, expires_at__gt=timezone.now())
        if not approved.update(state=State.CLAIMED):
            raise QrNotApproved
        code.refresh_from_db()
        is_good = _still_stands(code)
        if is_good:
            _open(request, code)
        else:
            QrSignIn.objects.filter(pk=code.pk).update(state=State.EXPIRED)
    if not is_good:
        raise QrWithdrawn


def masked_name(user: User) -> str:
    """Enough to recognise oneself by: 林* or A***. Nothing where no name is known."""
    return user.name[0] + "*" * min(3, max(1, len(user.name) - 1)) if user.name else ""


def delete_expired_codes() -> int:
    """Delete codes that have been over for a while (security.md 6.4: none is older than ten minutes)."""
    end = timezone.now() - timedelta(seconds=settings.ACCOUNTS_QR_KEPT_SECONDS)
    return QrSignIn.objects.filter(expires_at__lt=end).delete()[0]


def _browser(request: HttpRequest) -> str:
    return hashlib.sha256(browser_of(request).encode()).hexdigest()


def _take_renewal(browser: str, token: str) -> int:
    """The how manieth renewal of a page this is; 0: none. A code is renewed once, when nobody scanned it in time."""
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


def _retire_old(browser: str) -> None:
    """Leave room for one more code of this browser: who reloads the page again and again keeps the newest."""
    now = timezone.now()
    outstanding = QrSignIn.objects.filter(browser=browser, state__in=OPEN_STATES, expires_at__gt=now)
    old = outstanding.order_by("-pk").values_list("pk", flat=True)[settings.ACCOUNTS_QR_PER_BROWSER - 1 :]
    QrSignIn.objects.filter(pk__in=list(old), state__in=OPEN_STATES).update(state=State.EXPIRED, expires_at=now)


def _open(request: PublicRequest, code: QrSignIn) -> None:
    assert code.user  # held by the table's constraints, the enterprise as well
    assert code.enterprise
    open_session(request, code.user, method="qr", enterprise=code.enterprise)
    device = UserSession.objects.get(session_key=request.session.session_key)
    ScannedSession.objects.create(session=device, approved_with=code.approved_with)
    QrSignIn.objects.filter(pk=code.pk).update(device=device)


def _still_stands(code: QrSignIn) -> bool:
    """Whether the session that approved is still there, as it was, and its person still acts in that enterprise."""
    session = Session.objects.filter(session_key=code.session_key, expire_date__gt=timezone.now()).first()
    if session is None or code.user is None or code.enterprise is None:
        return False
    held = session.get_decoded()
    return (
        held.get("_auth_user_id") == str(code.user.pk)
        and constant_time_compare(held.get("_auth_user_hash", ""), code.user.get_session_auth_hash())
        and held.get("enterprise") == code.enterprise_id
        and get_membership().may_act_in(code.user, code.enterprise)
    )
