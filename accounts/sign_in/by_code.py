"""Sign in with a phone and a one-time code.

A listed and an unlisted number get the same responses (security.md O6); the latter just gets no SMS.
"""

from __future__ import annotations

from django.http import HttpRequest

from accounts.membership import get_membership
from accounts.requests import PublicRequest
from accounts.sign_in.browser_codes import BrowserCodes, door_of
from accounts.sign_in.sessions import prove_phone
from sms.models import PhoneCode

PURPOSE = "login"


def send_login_code(request: HttpRequest, phone: str, *, purpose: str = PURPOSE, subject: str = "") -> PhoneCode:
    """Send a code to `phone` (E.164), or a decoy. Raise CodeLimited."""
    enterprises = get_membership().enterprises_of_phone(phone)
    # A single enterprise signs the SMS and chooses the gateway: a number of the demo only never reaches a real one.
    only = enterprises[0] if len(enterprises) == 1 else None
    codes, door = BrowserCodes(request, purpose, subject), door_of(request, phone)
    return codes.send(phone, door=door, enterprise=only, is_listed=bool(enterprises))


def outstanding_code(request: HttpRequest, *, purpose: str = PURPOSE, subject: str = "") -> PhoneCode | None:
    """Return the latest code that this browser requested and has not used."""
    return BrowserCodes(request, purpose, subject).sent()


def sign_in_by_code(request: PublicRequest, text: str) -> None:
    """Use up the code and sign in the user of its phone. Raise CodeRefused. Do not call it in a transaction."""
    prove_phone(request, use_login_code(request, text).phone)


def use_login_code(request: HttpRequest, text: str, *, purpose: str = PURPOSE, subject: str = "") -> PhoneCode:
    """Use up and return the code that `text` matches. Raise CodeRefused. Do not call it in a transaction."""
    return BrowserCodes(request, purpose, subject).use(text)
