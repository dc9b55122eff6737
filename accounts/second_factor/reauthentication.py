"""Reauthentication before sensitive actions, without losing what was submitted.

The page that asks contains the submitted fields as hidden ones, and posts them to the same URL together with the proof.
Nothing is stored on the server, and the request with the proof performs the action.
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
    outstanding_confirm_code,
    reauthentication_method,
    send_confirm_code,
    verify_confirm_code,
    verify_factor_code,
    verify_own_password,
    verify_passkey,
)
from accounts.sign_in.attempt_limits import AttemptsExceeded, wait_text
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.by_password import PasswordWrong
from accounts.sign_in.sessions import elevate_session
from core.responses import too_many_requests, unprocessable
from sms.codes.actions import CodeRefused, CodeSpent
from sms.codes.limits import CodeLimited
from sms.phones import mask_phone

PAGE = "accounts/confirm.html"
OWN_FIELDS = {"csrfmiddlewaretoken", "proof", "proof_passkey", "proof_send"}
# Secrets are not put into the page; their form asks again.
NEVER_CARRIED = {"password", "confirm", "code"}


def has_fresh_proof(request: HttpRequest) -> bool:
    """True if the user has reauthenticated within ACCOUNTS_REAUTH_SECONDS, by a second factor if they have one."""
    session, oldest = request.session, time.time() - settings.ACCOUNTS_REAUTH_SECONDS
    if session.get("factor_at", 0) > oldest:
        return True
    if has_factor(request.user):  # type: ignore[arg-type]
        return False
    return not settings.ACCOUNTS_SECOND_FACTOR_REQUIRED or session.get("proved_at", 0) > oldest


def reauthenticate(request: SignedInRequest, *, back: str = "") -> HttpResponse | None:
    """Return the page that asks for a proof, or None if this POST contains a valid one.

    `back`: where the page leads if it stays open, because a file answers the proof.
    """
    way = reauthentication_method(request.user)
    try:
        if "proof_send" in request.POST and way == "phone":
            send_confirm_code(request)
            return confirm_page(request, way, back=back)
        if not {"proof", "proof_passkey"} & set(request.POST):
            return confirm_page(request, way, status=422, back=back)
        _prove(request, way)
    except (FactorWrong, PasskeyRefused, PasswordWrong, CodeRefused, CodeLimited, AttemptsExceeded) as error:
        return _refused(request, way, error, back=back)
    elevate_session(request, by_factor=way == "factor")
    return None


def confirm_page(request: SignedInRequest, way: str, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, PAGE, _context(request, way) | more, status=status)


def _prove(request: SignedInRequest, way: str) -> None:
    proof = request.POST.get("proof", "")
    if way == "factor" and request.POST.get("proof_passkey"):
        return verify_passkey(request, request.user, request.POST["proof_passkey"])
    if way == "factor":
        return verify_factor_code(request, request.user, proof)
    return verify_own_password(request, proof) if way == "password" else verify_confirm_code(request, proof)


def _refused(request: SignedInRequest, way: str, error: Exception, *, back: str) -> HttpResponse:
    context = _context(request, way) | {"back": back}
    match error:
        case AttemptsExceeded():
            context["error"] = wait_text(error.retry_after)
        case FactorWrong():
            context["error"] = _("This code is wrong or was already used.")
        case PasskeyRefused():
            context["error"] = _("The passkey wasn't accepted. Try again.")
        case PasswordWrong():
            context["error"] = _("Incorrect password.")
        case _:
            context["error"] = str(error)
    if isinstance(error, AttemptsExceeded | CodeSpent | CodeLimited):
        return too_many_requests(request, PAGE, context, retry_after=error.retry_after)
    return unprocessable(request, PAGE, context)


def _context(request: SignedInRequest, way: str) -> dict[str, Any]:
    code = outstanding_confirm_code(request) if way == "phone" else None
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
