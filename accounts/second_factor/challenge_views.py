"""Pages that verify a second factor: at sign-in, before the console, and before a sensitive action."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.clients import passkeys_are_offered
from accounts.models import User
from accounts.requests import PublicRequest, SignedInRequest
from accounts.second_factor import passkeys
from accounts.second_factor.factors import FactorWrong, has_factor, list_factors
from accounts.second_factor.forms import FactorCodeForm
from accounts.second_factor.passkeys import PasskeyRefused
from accounts.second_factor.reauthentication import confirm_page, reauthenticate
from accounts.second_factor.verification import (
    finish_verification,
    reauthentication_method,
    user_to_verify,
    verify_factor_code,
    verify_passkey,
)
from accounts.sign_in.attempt_limits import AttemptsExceeded, wait_text
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.forms import LoginPasswordForm
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.sessions import open_session
from core.responses import post_only, see_other, too_many_requests, unprocessable

FACTOR, PASSWORD = "accounts/login_factor.html", "accounts/login_password.html"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@read_or_post
@sensitive_post_parameters("code")
def login_factor(request: PublicRequest) -> HttpResponse:
    """Verify a TOTP or recovery code, to complete a sign-in or to enter the console."""
    person, next_page = user_to_verify(request), next_of(request)
    if person is None or not has_factor(person):
        return redirect(with_next("accounts:login", next_page))
    form = FactorCodeForm(request.POST if request.method == "POST" else None)
    context = _factor_context(request, person, form)
    if not form.is_bound:
        return render(request, FACTOR, context)
    if not form.is_valid():
        return unprocessable(request, FACTOR, context)
    try:
        verify_factor_code(request, person, form.cleaned_data["code"])
    except FactorWrong:
        form.add_error("code", _("This code is wrong or was already used."))
        return unprocessable(request, FACTOR, context)
    except AttemptsExceeded as limit:
        form.add_error("code", wait_text(limit.retry_after))
        return too_many_requests(request, FACTOR, context, retry_after=limit.retry_after)
    return finish_verification(request, to=next_page)


@post_only("accounts:login_factor")
def login_factor_passkey(request: PublicRequest) -> HttpResponse:
    person, next_page = user_to_verify(request), next_of(request)
    if person is None or not has_factor(person):
        return see_other(with_next("accounts:login", next_page))
    try:
        verify_passkey(request, person, request.POST.get("passkey", ""))
    except PasskeyRefused:
        context = _factor_context(request, person, FactorCodeForm()) | {"is_passkey_refused": True}
        return unprocessable(request, FACTOR, context)
    return finish_verification(request, to=next_page)


@post_only("accounts:login_password")
def login_passkey(request: PublicRequest) -> HttpResponse:
    """Sign in with a passkey alone: the device, and what unlocks it, are two factors."""
    response = _sign_in_by_passkey(request)
    response.delete_cookie(passkeys.CHALLENGE_COOKIE)
    return response


@post_only()
def login_passkey_options(request: PublicRequest) -> HttpResponse:
    """Return WebAuthn request options as JSON, for the user's passkeys or, at sign-in, for any."""
    person = user_to_verify(request) if "factor" in request.POST else None
    response = JsonResponse(passkeys.request_options(person))
    passkeys.move_challenge_to_cookie(request, response)
    return response


@signed_in_page
@read_or_post
@sensitive_post_parameters("proof")
def confirm(request: SignedInRequest) -> HttpResponse:
    """Reauthenticate, then continue to the `next` page."""
    if request.method != "POST":
        return confirm_page(request, reauthentication_method(request.user))
    if answer := reauthenticate(request):
        return answer
    messages.success(request, _("Confirmed. You won't be asked again for 10 minutes."))
    return see_other(next_of(request) or "/")


def _sign_in_by_passkey(request: PublicRequest) -> HttpResponse:
    next_page = next_of(request)
    try:
        passkeys.restore_challenge(request)
        user = passkeys.verify_assertion(request.POST.get("passkey", ""), user=None).user
        passkeys.spend_challenge(request)
    except PasskeyRefused:
        context = {"form": LoginPasswordForm(), "next": next_page, "is_passkey_refused": True, "has_passkeys": True}
        return unprocessable(request, PASSWORD, context)
    open_session(request, user, method="passkey")
    return see_other(next_page or "/")


def _factor_context(request: PublicRequest, person: User, form: FactorCodeForm) -> dict[str, Any]:
    kinds = {factor.kind for factor in list_factors(person)}
    return {
        "form": form,
        "next": next_of(request),
        "person": person,
        "has_app": "totp" in kinds,
        "has_passkey": "passkey" in kinds and passkeys_are_offered(request),
    }
