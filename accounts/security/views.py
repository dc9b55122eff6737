"""Pages for a user's own second factors and password."""

from __future__ import annotations

import time
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import fresh_action, fresh_page
from accounts.clients import describe_browser, passkeys_are_offered
from accounts.requests import SignedInRequest
from accounts.second_factor import passkeys
from accounts.second_factor.factors import (
    FACTORS,
    add_passkey,
    add_totp,
    has_factor,
    list_factors,
    make_recovery_codes,
    recovery_codes,
    remove_factor,
    rename_passkey,
)
from accounts.second_factor.passkeys import PasskeyRefused
from accounts.second_factor.passwords import change_password
from accounts.security.forms import FactorNewForm, PasskeyForm, PasswordEditForm
from accounts.sign_in.attempt_limits import wait_text
from accounts.sign_in.by_password import BUSY_SECONDS
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.hashers import HashersBusy
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.restrictions import unrestricted_page
from accounts.sign_in.sessions import current_enterprise, elevate_session, keep_signed_in
from core.qr_images import draw_svg
from core.responses import post_only, see_other, too_many_requests, unprocessable

NEW, PASSWORD = "accounts/factor_new.html", "accounts/password_edit.html"
SHOWN = "recovery_codes_until"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@signed_in_page
@require_safe
def factor_list(request: SignedInRequest) -> HttpResponse:
    context = {
        "factors": list_factors(request.user),
        "codes_left": len(recovery_codes(request.user)),
        "codes_made": settings.MFA_RECOVERY_CODE_COUNT,
        "has_passkeys": passkeys_are_offered(request),
        "has_password": request.user.has_usable_password(),
        "has_role": request.user.roles.exists(),
    }
    return render(request, "accounts/factor_list.html", context)


@signed_in_page
@unrestricted_page
@fresh_page
@read_or_post
@sensitive_post_parameters("setup", "code")
def factor_new(request: SignedInRequest) -> HttpResponse:
    """Set up an authenticator app or a passkey. The console redirects users without either here."""
    form = FactorNewForm(request.POST if request.method == "POST" else None, user=request.user)
    context = _new_context(request, form, PasskeyForm(initial={"name": _this_device(request)}))
    if not form.is_bound:
        return render(request, NEW, context)
    if not form.is_valid():
        return unprocessable(request, NEW, context)
    has_codes = add_totp(request.user, secret=form.secret, step=form.step, **_own(request))
    messages.success(request, _("Authenticator app set up."))
    return _after_adding(request, has_codes=has_codes)


@signed_in_page
@unrestricted_page
@fresh_action
@post_only("accounts:factor_new")
def passkey_new(request: SignedInRequest) -> HttpResponse:
    form = PasskeyForm(request.POST)
    context = _new_context(request, FactorNewForm(user=request.user), form)
    if not form.is_valid():
        return unprocessable(request, NEW, context)
    try:
        credential = passkeys.verify_registration(request.POST.get("passkey", ""))
    except PasskeyRefused:
        return unprocessable(request, NEW, context | {"is_passkey_refused": True})
    has_codes = add_passkey(request.user, name=form.cleaned_data["name"], credential=credential, **_own(request))
    messages.success(request, _("Passkey set up."))
    return _after_adding(request, has_codes=has_codes)


@signed_in_page
@unrestricted_page
@fresh_action
@post_only()
def passkey_new_options(request: SignedInRequest) -> HttpResponse:
    return JsonResponse(passkeys.creation_options(request.user))


@signed_in_page
@unrestricted_page
@post_only("accounts:factor_list")
def factor_rename(request: SignedInRequest, id: int) -> HttpResponse:
    row = get_object_or_404(Authenticator, pk=id, user=request.user, type=Authenticator.Type.WEBAUTHN)
    form = PasskeyForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["name"])))
        return see_other("accounts:factor_list")
    rename_passkey(row, name=form.cleaned_data["name"], by=request.actor, enterprise=current_enterprise(request))
    messages.success(request, _("Passkey renamed."))
    return see_other("accounts:factor_list")


@signed_in_page
@unrestricted_page
@fresh_action
@post_only("accounts:factor_list")
def factor_remove(request: SignedInRequest, id: int) -> HttpResponse:
    row = get_object_or_404(Authenticator, pk=id, user=request.user, type__in=FACTORS)
    if remove_factor(row, **_own(request)):
        # Without a factor the session counts as one without; the console then requires a new one.
        request.session.pop("factor_at", None)
    messages.success(request, _("Removed. Your other devices were signed out."))
    return see_other("accounts:factor_list")


@signed_in_page
@require_safe
def recovery_code_list(request: SignedInRequest) -> HttpResponse:
    """Show new recovery codes for a limited time, or until the user confirms that they are stored."""
    next_page = next_of(request)
    if request.session.get(SHOWN, 0) <= time.time():
        return redirect(next_page or "accounts:factor_list")
    codes = [f"{code[:5]} {code[5:]}" for code in recovery_codes(request.user)]
    text = _("Recovery codes of %(name)s") % {"name": request.user} + "\n\n" + "\n".join(codes) + "\n"
    context = {
        "codes": codes,
        "text": "\n".join(codes),
        "file": f"data:text/plain;charset=utf-8,{quote(text)}",
        "minutes": settings.ACCOUNTS_RECOVERY_SHOWN_SECONDS // 60,
        "next": next_page,
    }
    return render(request, "accounts/recovery_code_list.html", context)


@signed_in_page
@post_only("accounts:recovery_code_list")
def recovery_code_kept(request: SignedInRequest) -> HttpResponse:
    request.session.pop(SHOWN, None)
    return see_other(next_of(request) or "accounts:factor_list")


@signed_in_page
@unrestricted_page
@fresh_action
@post_only("accounts:factor_list")
def recovery_code_new(request: SignedInRequest) -> HttpResponse:
    if not has_factor(request.user):
        return see_other("accounts:factor_list")
    make_recovery_codes(request.user, **_own(request))
    messages.success(request, _("Ten new recovery codes were generated. The previous ones no longer work."))
    return _show_codes(request)


@signed_in_page
@unrestricted_page
@fresh_page
@read_or_post
@sensitive_post_parameters("password", "confirm")
def password_edit(request: SignedInRequest) -> HttpResponse:
    if not request.user.has_usable_password():
        return redirect("accounts:factor_list")
    form = PasswordEditForm(request.POST if request.method == "POST" else None, user=request.user)
    if not form.is_bound:
        return render(request, PASSWORD, {"form": form})
    if not form.is_valid():
        return unprocessable(request, PASSWORD, {"form": form})
    try:
        change_password(request.user, password=form.cleaned_data["password"], **_own(request))
    except HashersBusy:
        form.add_error("password", wait_text(BUSY_SECONDS))
        return too_many_requests(request, PASSWORD, {"form": form}, retry_after=BUSY_SECONDS)
    keep_signed_in(request, request.user)
    messages.success(request, _("Password changed. Your other devices were signed out."))
    return see_other("accounts:factor_list")


def _own(request: SignedInRequest) -> dict[str, Any]:
    return {
        "by": request.actor,
        "enterprise": current_enterprise(request),
        "keep_session": request.session.session_key,
    }


def _after_adding(request: SignedInRequest, *, has_codes: bool) -> HttpResponse:
    """Elevate the session, because the new factor was just verified, and redirect."""
    elevate_session(request, by_factor=True)
    return _show_codes(request) if has_codes else see_other(next_of(request) or "accounts:factor_list")


def _show_codes(request: SignedInRequest) -> HttpResponse:
    request.session[SHOWN] = int(time.time()) + settings.ACCOUNTS_RECOVERY_SHOWN_SECONDS
    return see_other(with_next("accounts:recovery_code_list", next_of(request)))


def _new_context(request: SignedInRequest, form: FactorNewForm, passkey_form: PasskeyForm) -> dict[str, Any]:
    url = get_adapter().build_totp_url(request.user, form.secret)
    # Bypass the cache of drawings, which would keep the secret.
    drawing = draw_svg.__wrapped__(url)
    kinds = {factor.kind for factor in list_factors(request.user)}
    return {
        "form": form,
        "passkey_form": passkey_form,
        "url": url,
        "drawing": f"data:image/svg+xml;base64,{b64encode(drawing.encode()).decode()}",
        "has_passkeys": passkeys_are_offered(request),
        "has_app": "totp" in kinds,
        "is_first": not kinds,
        "has_role": (has_role := request.user.roles.exists()),
        "is_required": settings.ACCOUNTS_SECOND_FACTOR_REQUIRED and has_role,
        "next": next_of(request),
    }


def _this_device(request: SignedInRequest) -> str:
    browser, system = describe_browser(request.headers.get("user-agent", ""))
    return " · ".join(filter(None, (system, browser)))
