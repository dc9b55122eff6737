"""What the two sides of a QR sign-in share: which code is meant, what may be said of it, and how it ends."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.clients import address_block, client_address
from accounts.models import QrSignIn
from core.counters import CounterFull, count_up

State = QrSignIn.State
OPEN_STATES = (State.NEW, State.SCANNED, State.APPROVED)


class QrUnknown(Exception):
    """No such code, or none that is still there for whoever asks: nobody is told which (security.md Q19)."""


class QrLimited(Exception):
    """Too many. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def shown_state(code: QrSignIn) -> str:
    """The state for eyes and scripts: an open code whose time is over has expired, a used one stays approved."""
    if code.state in OPEN_STATES and code.expires_at <= timezone.now():
        return State.EXPIRED
    return State.APPROVED if code.state == State.CLAIMED else State(code.state)


def seconds_left(code: QrSignIn) -> int:
    """Whole seconds until the state it is in runs out."""
    left = (code.expires_at - timezone.now()).total_seconds()
    return max(0, int(left)) if code.state in OPEN_STATES else 0


def unknown(request: HttpRequest) -> Exception:
    """What to raise where there is no such code: QrUnknown, or QrLimited for an address that guesses."""
    try:
        count_limited(f"qr miss {address_block(client_address(request))}", 60, settings.ACCOUNTS_QR_MISSES_PER_MINUTE)
    except QrLimited as limit:
        return limit
    return QrUnknown()


def count_limited(key: str, seconds: int, most: int) -> None:
    """Count one more under `key`. Raises QrLimited beyond `most` in these `seconds`."""
    try:
        count_up(key, seconds=seconds, most=most)
    except CounterFull as full:
        raise QrLimited(full.retry_after) from None
