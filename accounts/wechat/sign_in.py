"""Sign in with WeChat: a bound account signs in at once, any other proves a phone first.

The phone is verified as on the sign-in page (accounts.sign_in.phone_views). The code is bound to the scan.
"""

from __future__ import annotations

import hashlib

from accounts.models import User
from accounts.requests import PublicRequest
from accounts.sign_in.by_code import use_login_code
from accounts.sign_in.next_page import with_next
from accounts.sign_in.sessions import current_enterprise, end_session, open_session, prove_phone
from accounts.wechat.bindings import Proof, bind_with_message, prove_with, store_proof

PURPOSE = "wechat"


def handle_wechat_login(request: PublicRequest, user: User | None, proof: Proof, *, next_page: str) -> str:
    """Sign in the `user` to whom the account is bound, or store the scan. Return the URL to redirect to."""
    if user and user.is_active:
        open_session(request, user, method="wechat")
        return next_page or "/"
    store_proof(request, proof)
    return with_next("accounts:wechat_phone", next_page)


def handle_wechat_binding(request: PublicRequest, proof: Proof) -> str:
    """Bind the scanned account to the signed-in user. Return the page to redirect to."""
    enterprise = current_enterprise(request)
    if enterprise is None or not request.user.is_authenticated:
        return "/"
    bind_with_message(request, proof, enterprise)
    return "accounts:device_list"


def prove_phone_for_wechat(request: PublicRequest, text: str, proof: Proof) -> None:
    """Use up the code, and sign in the user of its phone; WeChat is bound when they enter an enterprise.

    Raise CodeRefused. Do not call it in a transaction.
    """
    code = use_login_code(request, text, purpose=PURPOSE, subject=code_subject(proof))
    if request.user.is_authenticated:
        # The data of a previous user's session must not pass to the next.
        end_session(request)
    store_proof(request, prove_with(proof, code.phone))
    prove_phone(request, code.phone)


def code_subject(proof: Proof) -> str:
    """Return the subject that binds a code to the scan."""
    return hashlib.sha256(proof.uid.encode()).hexdigest()
