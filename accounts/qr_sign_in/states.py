"""What both sides of a QR sign-in share: states, limits and errors."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.clients import address_block, client_address
from accounts.models import QrSignIn
from core.counters import CounterFull, count_up

State = QrSignIn.State
OPEN_STATES = (State.NEW, State.SCANNED, State.APPROVED)


class QrUnknown(Exception):
    """The code doesn't exist or is not for this person, and the page doesn't say which (security.md Q19)."""


class QrLimited(Exception):
    """A limit is reached. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def shown_state(code: QrSignIn) -> str:
    """Return the state to show: an open code is expired after its time, a claimed one stays approved."""
    if code.state in OPEN_STATES and code.expires_at <= timezone.now():
        return State.EXPIRED
    return State.APPROVED if code.state == State.CLAIMED else State(code.state)


def seconds_left(code: QrSignIn) -> int:
    """Return the whole seconds until the code's state expires."""
    left = (code.expires_at - timezone.now()).total_seconds()
    return max(0, int(left)) if code.state in OPEN_STATES else 0


def unknown_code(request: HttpRequest) -> Exception:
    """Return the error to raise if there is no such code: QrUnknown, or QrLimited for an address that guesses."""
    try:
        count_limited(f"qr miss {address_block(client_address(request))}", 60, settings.ACCOUNTS_QR_MISSES_PER_MINUTE)
    except QrLimited as limit:
        return limit
    return QrUnknown()


def count_limited(key: str, seconds: int, most: int, *, count: Callable[..., None] = count_up) -> None:
    """Count one more under `key`. Raise QrLimited beyond `most` in `seconds`."""
    try:
        count(key, seconds=seconds, most=most)
    except CounterFull as full:
        raise QrLimited(full.retry_after) from None
