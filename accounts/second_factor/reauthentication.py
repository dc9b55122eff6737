"""The story of being asked again: who is signed in shows it once more, and what they sent is not lost meanwhile.

The page that asks bears all that was sent in hidden fields and sends it to the same address, with the proof beside it
in fields of its own; so nothing is kept on the server, and the action is done by the request that brings the proof.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.clients import passkeys_are_offered
from accounts.requests import SignedInRequest
from accounts.second_factor.factors import FactorWrong, has_factor, list_factors
from accounts.second_factor.passkeys import PasskeyRefused
from accounts.second_factor.verification import (
    prove_by_confirm_code,
    prove_by_factor_code,
    prove_by_passkey,
    prove_own_password,
    send_confirm_code,
    sent_confirm_code,
    way_to_prove,
)
from accounts.sign_in.attempt_limits import AttemptsExceeded, wait_text
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.by_password import PasswordWrong
from accounts.sign_in.sessions import raise_session
from core.responses import too_many_requests, unprocessable
from sms.codes.actions import CodeRefused, CodeSpent
from sms.codes.limits import CodeLimited
from sms.phones import mask_phone

PAGE = "accounts/confirm.html"
OWN_FIELDS = {"csrfmiddlewaretoken", "proof", "proof_passkey", "proof_send"}
# What nobody should find in a page again; its form asks for it anew.
NEVER_CARRIED = {"password", "confirm", "code"}


def has_fresh_proof(request: HttpRequest) -> bool:
    """Whether the person of this session has shown within ten minutes who they are, by the best that they have."""
    session, oldest = request.session, time.time() - settings.ACCOUNTS_REAUTH_SECONDS
    if session.get("factor_at", 0) > oldest:
        return True
    if has_factor(request.user):  # type: ignore[arg-type]
        return False
    return not settings.ACCOUNTS_SECOND_FACTOR_REQUIRED or session.get("proved_at", 0) > oldest


def ask_again(request: SignedInRequest) -> HttpResponse | None:
    """The page that asks; None once this very POST has brought the proof."""
    way = way_to_prove(request.user)
    try:
        if "proof_send" in request.POST and way == "phone":
            send_confirm_code(request)
            return confirm_page(request, way)
        if not {"proof", "proof_passkey"} & set(request.POST):
            return confirm_page(request, way, status=422)
        _prove(request, way)
    except (FactorWrong, PasskeyRefused, PasswordWrong, CodeRefused, CodeLimited, AttemptsExceeded) as error:
        return _refused(request, way, error)
    raise_session(request, by_factor=way == "factor")
    return None


def confirm_page(request: SignedInRequest, way: str, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, PAGE, _context(request, way) | more, status=status)


def _prove(request: SignedInRequest, way: str) -> None:
    proof = request.POST.get("proof", "")
    if way == "factor" and request.POST.get("proof_passkey"):
        return prove_by_passkey(request, request.user, request.POST["proof_passkey"])
    if way == "factor":
        return prove_by_factor_code(request, request.user, proof)
    return prove_own_password(request, proof) if way == "password" else prove_by_confirm_code(request, proof)


def _refused(request: SignedInRequest, way: str, error: Exception) -> HttpResponse:
    context = _context(request, way)
    match error:
        case AttemptsExceeded():
            context["error"] = wait_text(error.retry_after)
        case FactorWrong():
            context["error"] = _("This code is wrong, or it was used before.")
        case PasskeyRefused():
            context["error"] = _("The passkey was not accepted. Please try again.")
        case PasswordWrong():
            context["error"] = _("The password is wrong.")
        case _:
            context["error"] = str(error)
    if isinstance(error, AttemptsExceeded | CodeSpent | CodeLimited):
        return too_many_requests(request, PAGE, context, retry_after=error.retry_after)
    return unprocessable(request, PAGE, context)


def _context(request: SignedInRequest, way: str) -> dict[str, Any]:
    code = sent_confirm_code(request) if way == "phone" else None
    kinds = {factor.kind for factor in list_factors(request.user)} if way == "factor" else set()
    return {
        "way": way,
        "has_app": "totp" in kinds,
        "has_passkey": "passkey" in kinds and passkeys_are_offered(request),
        "code": code,
        "phone": mask_phone(str(request.user.phone or "")),
        "minutes": settings.SMS_CODE_SECONDS // 60,
        "resend_seconds": resend_seconds(code),
        "carried": _carried(request),
        "action": request.get_full_path(),
    }


def _carried(request: HttpRequest) -> list[tuple[str, str]]:
    names = [name for name in request.POST if name not in OWN_FIELDS | NEVER_CARRIED]
    return [(name, value) for name in names for value in request.POST.getlist(name)]
