"""Helpers for tests of the QR sign-in: a desktop that shows a code, and a phone that scans it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.test import Client

from accounts.models import QrSignIn

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"
OFFICE, OFFICE_TOO, ELSEWHERE = "203.0.113.7", "203.0.113.99", "198.51.100.20"


def desk_at(address: str = OFFICE, **options: object) -> Client:
    """Return the browser of a desktop, not signed in."""
    return Client(headers={"accept-language": "en", "user-agent": WINDOWS}, REMOTE_ADDR=address, **options)


def at(phone: Client, address: str) -> Client:
    """Return the phone with this address."""
    phone.defaults |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": IPHONE}
    return phone


def show_code(desk: Client, **data: str) -> QrSignIn:
    """Request a code as the desktop's script does."""
    answer = desk.post("/q/", data, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.status_code
    return QrSignIn.objects.get(token=answer.json()["token"])


def path(code: QrSignIn, action: str = "") -> str:
    return f"/q/{code.token}/{action}"


def scan(phone: Client, code: QrSignIn) -> int:
    return phone.post(path(code, "scan/")).status_code


def approve(phone: Client, code: QrSignIn, **data: str) -> int:
    return phone.post(path(code, "approve/"), data).status_code


def claim(desk: Client, code: QrSignIn) -> int:
    return desk.post(path(code, "claim/")).status_code


def poll(desk: Client, code: QrSignIn) -> dict[str, object]:
    """Poll as the desktop's script does, ignoring the minimum interval."""
    QrSignIn.objects.filter(pk=code.pk).update(polled_at=None)
    answer = desk.get(path(code, "state/"))
    assert answer.status_code == 200, answer.status_code
    return answer.json()


def state_of(code: QrSignIn) -> str:
    return QrSignIn.objects.get(pk=code.pk).state


def age(code: QrSignIn, seconds: float) -> None:
    """Let time pass for this code."""
    QrSignIn.objects.filter(pk=code.pk).update(expires_at=F("expires_at") - timedelta(seconds=seconds))


def is_in(browser: Client) -> bool:
    return browser.get("/mailbox/devices/").status_code == 200


def approved(desk: Client, phone: Client) -> QrSignIn:
    """Return a code shown by the desktop and approved by the phone."""
    code = show_code(desk)
    scan(phone, code)
    approve(phone, code)
    assert state_of(code) == "approved"
    return code
