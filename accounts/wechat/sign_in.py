"""The story of signing in with WeChat: a scan there, and who is known is in; who isn't proves a phone here first.

The number is asked for and checked as at the sign-in page (accounts.sign_in.by_code): an unlisted one gets the same
answers and no SMS. The code belongs to the scan it was asked for.
"""

from __future__ import annotations

import hashlib

from django.http import HttpRequest

from accounts.models import User
from accounts.requests import PublicRequest
from accounts.sign_in.by_code import outstanding_code, send_login_code, use_login_code
from accounts.sign_in.next_page import with_next
from accounts.sign_in.sessions import current_enterprise, end_session, open_session, prove_phone
from accounts.wechat.bindings import Proof, bind_and_tell, carry, prove_with
from sms.models import PhoneCode

PURPOSE = "weixin"


def recognise(request: PublicRequest, user: User | None, proof: Proof, *, next_page: str) -> str:
    """WeChat named who scanned; `user` is whom it is bound to. Where to go: in, or to prove a phone."""
    if user and user.is_active:
        open_session(request, user, method="weixin")
        return next_page or "/"
    carry(request, proof)
    return with_next("accounts:weixin_phone", next_page)


def bind_here(request: PublicRequest, proof: Proof) -> str:
    """Whoever is signed in asked to bind their WeChat and scanned. Where to go."""
    enterprise = current_enterprise(request)
    if enterprise is None or not request.user.is_authenticated:
        return "/"
    bind_and_tell(request, proof, enterprise)
    return "accounts:device_list"


def send_weixin_code(request: HttpRequest, phone: str, proof: Proof) -> PhoneCode:
    """Send a code to `phone` (E.164), or seem to. Raises CodeLimited."""
    return send_login_code(request, phone, purpose=PURPOSE, subject=_subject(proof))


def outstanding_weixin_code(request: HttpRequest, proof: Proof) -> PhoneCode | None:
    """The code this browser last asked for because of this scan and has not used."""
    return outstanding_code(request, purpose=PURPOSE, subject=_subject(proof))


def prove_phone_for_weixin(request: PublicRequest, text: str, proof: Proof) -> None:
    """Use the code up, sign in whose phone it proves, and bind WeChat where they enter. Raises CodeRefused and its
    kinds; never in a transaction."""
    code = use_login_code(request, text, purpose=PURPOSE, subject=_subject(proof))
    if request.user.is_authenticated:
        # Whoever was signed in here before; what they leave in the session is not for the next.
        end_session(request)
    carry(request, prove_with(proof, code.phone))
    prove_phone(request, code.phone)


def _subject(proof: Proof) -> str:
    return hashlib.sha256(proof.uid.encode()).hexdigest()
