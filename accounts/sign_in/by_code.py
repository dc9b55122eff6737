"""The story of signing in with a phone: a code is sent, the code is typed, the phone is proven.

Whoever asks learns nothing about a number: a listed and an unlisted one take the same way and get the same answers
(security.md O6); only the SMS itself is not sent to the latter.
"""

from __future__ import annotations

from django.http import HttpRequest

from accounts.membership import get_membership
from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import BrowserCodes
from accounts.sign_in.sessions import prove_phone
from sms.models import PhoneCode

PURPOSE = "login"


def send_login_code(request: HttpRequest, phone: str, *, purpose: str = PURPOSE, subject: str = "") -> PhoneCode:
    """Send a code to `phone` (E.164), or seem to. Raises CodeLimited."""
    enterprises = get_membership().enterprises_of_phone(phone)
    # The only one signs the SMS and chooses the gateway: a number of the demo alone never reaches a real one.
    only = enterprises[0] if len(enterprises) == 1 else None
    return BrowserCodes(request, purpose, subject).send(phone, enterprise=only, is_listed=bool(enterprises))


def outstanding_code(request: HttpRequest, *, purpose: str = PURPOSE, subject: str = "") -> PhoneCode | None:
    """The code this browser last asked for and has not used."""
    return BrowserCodes(request, purpose, subject).sent()


def sign_in_by_code(request: PublicRequest, text: str) -> None:
    """Use the code up and sign in whose phone it proves. Raises CodeRefused and its kinds; never in a transaction."""
    prove_phone(request, use_login_code(request, text).phone)


def use_login_code(request: HttpRequest, text: str, *, purpose: str = PURPOSE, subject: str = "") -> PhoneCode:
    """The code that `text` is, used up. Raises CodeRefused and its kinds; never in a transaction."""
    return BrowserCodes(request, purpose, subject).use(text)
