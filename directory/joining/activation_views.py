"""Join by an activation code: enter account and code on `/i/`, then choose a password or create a passkey.

The session keeps the id of the code, never the code itself.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.clients import address_block, browser_secret, client_address, name_browser, passkeys_are_offered
from accounts.models import User
from accounts.requests import PublicRequest
from accounts.second_factor.passkeys import PasskeyRefused, creation_options, reserve_user, verify_registration
from accounts.sign_in.attempt_limits import AttemptsExceeded, wait_text
from accounts.sign_in.hashers import HashersBusy
from accounts.sign_in.sessions import open_session, renew_key
from core.responses import post_only, private, see_other, too_many_requests, unprocessable
from directory.entry.decorators import acting_as
from directory.entry.entry import enter_after_joining
from directory.joining.activation import (
    SESSION_KEY,
    NewPasskey,
    PairWrong,
    activate_member,
    login_of,
    may_use_passkey,
    prove_pair,
)
from directory.joining.activation_codes import get_code
from directory.joining.forms import ActivationCodeForm, ActivationPasswordForm
from directory.models import ActivationCode

CODE, PASSWORD = "directory/activation_code.html", "directory/activation_password.html"
BUSY_SECONDS = 5


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def activation_code(request: PublicRequest) -> HttpResponse:
    """Verify account and code. All errors look the same, so that they tell nothing about accounts."""
    if request.method != "POST":
        return code_page(request)
    form = ActivationCodeForm(request.POST)
    if not form.is_valid():
        return code_page(request, form, status=422)
    try:
        code = prove_pair(
            account=form.cleaned_data["account"],
            code=form.cleaned_data["code"],
            browser=browser_secret(request),
            address=address_block(client_address(request)),
        )
    except PairWrong:
        form.add_error("code", _("The account and code don't match, or the code is no longer valid."))
        return code_page(request, form, status=422)
    except AttemptsExceeded as limit:
        form.add_error("code", wait_text(limit.retry_after))
        return private(too_many_requests(request, CODE, {"form": form}, retry_after=limit.retry_after))
    renew_key(request)
    request.session[SESSION_KEY] = {"code": code.pk, "at": int(time.time())}
    return see_other("directory:activation_password")


@sensitive_post_parameters("password", "confirm")
@require_http_methods(["GET", "HEAD", "POST"])
def activation_password(request: PublicRequest) -> HttpResponse:
    """Choose a password: the member joins and is signed in."""
    code = _carried(request)
    if code is None:
        return redirect("directory:activation_code")
    typed = request.POST if request.method == "POST" else None
    form = ActivationPasswordForm(typed, login=login_of(code.member), name=code.member.name)
    if typed is None:
        return _password_page(request, code, form)
    if not form.is_valid():
        return _password_page(request, code, form, status=422)
    try:
        user = activate_member(code.pk, password=form.cleaned_data["password"], by=acting_as(request, code.member))
    except HashersBusy:
        form.add_error("password", wait_text(BUSY_SECONDS))
        return private(too_many_requests(request, PASSWORD, _context(request, code, form), retry_after=BUSY_SECONDS))
    except ValidationError as error:
        return _refuse(request, error)
    return _enter(request, code, user)


@post_only("directory:activation_password")
def activation_passkey(request: PublicRequest) -> HttpResponse:
    """Take the passkey that the device has created: the member joins and is signed in."""
    code = _carried(request)
    if code is None:
        return redirect("directory:activation_code")
    try:
        credential = verify_registration(request.POST.get("passkey", ""))
        name = name_browser(request.headers.get("user-agent", ""))
        passkey = NewPasskey(request.session[SESSION_KEY].get("user", 0), name, credential)
        user = activate_member(code.pk, passkey=passkey, by=acting_as(request, code.member))
    except PasskeyRefused:
        form = ActivationPasswordForm(login=login_of(code.member), name=code.member.name)
        return _password_page(request, code, form, is_passkey_refused=True, status=422)
    except ValidationError as error:
        return _refuse(request, error)
    return _enter(request, code, user)


@post_only()
def activation_passkey_options(request: PublicRequest) -> HttpResponse:
    """Return the options for creating a passkey, as JSON; reserve an id if the member has no user yet."""
    code = _carried(request)
    if code is None:
        return redirect("directory:activation_code")
    member, proof = code.member, request.session[SESSION_KEY]
    user = member.user or reserve_user(login=login_of(member), name=member.name)
    request.session[SESSION_KEY] = {**proof, "user": user.pk}
    return private(JsonResponse(creation_options(user)))


def code_page(
    request: PublicRequest, form: ActivationCodeForm | None = None, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    """Ask for account and code. `/i/` shows this, too, if the browser has no invitation."""
    context = {"form": form or ActivationCodeForm(), "refusal": refusal}
    if status == 422:
        return private(unprocessable(request, CODE, context))
    return private(render(request, CODE, context, status=status))


def _password_page(
    request: PublicRequest,
    code: ActivationCode,
    form: ActivationPasswordForm,
    *,
    is_passkey_refused: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = _context(request, code, form) | {"is_passkey_refused": is_passkey_refused}
    return private(render(request, PASSWORD, context, status=status))


def _context(request: PublicRequest, code: ActivationCode, form: ActivationPasswordForm) -> dict[str, object]:
    member = code.member
    return {
        "form": form,
        "has_passkeys": passkeys_are_offered(request) and may_use_passkey(member),
        "member": member,
        "enterprise": member.enterprise,
        "login": login_of(member),
    }


def _refuse(request: PublicRequest, error: ValidationError) -> HttpResponse:
    del request.session[SESSION_KEY]
    return code_page(request, refusal=error.messages[0], status=410)


def _enter(request: PublicRequest, code: ActivationCode, user: User) -> HttpResponse:
    del request.session[SESSION_KEY]
    open_session(request, user, method="invitation")
    enter_after_joining(request, user.members.select_related("enterprise").get(pk=code.member_id))
    return see_other("directory:mailbox")


def _carried(request: PublicRequest) -> ActivationCode | None:
    """Return the code that this browser verified within ACTIVATION_PROOF_SECONDS, if it is usable."""
    proof = request.session.get(SESSION_KEY)
    if not proof or time.time() - proof["at"] >= settings.ACTIVATION_PROOF_SECONDS:
        return None
    return get_code(proof["code"])
