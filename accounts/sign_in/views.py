"""Pages for signing in and out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.clients import is_hand_held, passkeys_are_offered
from accounts.requests import PublicRequest
from accounts.sign_in.attempt_limits import AttemptsExceeded, wait_text
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.by_code import outstanding_code, send_login_code, sign_in_by_code
from accounts.sign_in.by_password import PasswordWrong, sign_in, verify_password
from accounts.sign_in.forms import LoginCodeForm, LoginForm, LoginPasswordForm
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.sessions import end_session
from accounts.sign_in.wechat_choice import wechat_option
from core.responses import post_only, see_other, too_many_requests, unprocessable
from sms.codes.actions import CodeRefused, CodeSpent
from sms.codes.limits import CodeLimited
from sms.models import PhoneCode
from sms.phones import mask_phone

LOGIN, CODE, PASSWORD = "accounts/login.html", "accounts/login_code.html", "accounts/login_password.html"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@read_or_post
def login(request: PublicRequest) -> HttpResponse:
    next_page = next_of(request)
    if request.method != "POST":
        return render(request, LOGIN, _login_context(request, LoginForm(), next_page))
    form = LoginForm(request.POST)
    context = _login_context(request, form, next_page)
    if not form.is_valid():
        return unprocessable(request, LOGIN, context)
    try:
        send_login_code(request, form.cleaned_data["phone"])
    except CodeLimited as limit:
        form.add_error("phone", str(limit))
        context["has_code"] = outstanding_code(request) is not None
        return too_many_requests(request, LOGIN, context, retry_after=limit.retry_after)
    return see_other(with_next("accounts:login_code", next_page))


@read_or_post
@sensitive_post_parameters("code")
def login_code(request: PublicRequest) -> HttpResponse:
    next_page = next_of(request)
    code = outstanding_code(request)
    if code is None:
        return redirect(with_next("accounts:login", next_page))
    if request.method != "POST":
        return render(request, CODE, _code_context(LoginCodeForm(), code, next_page))
    form = LoginCodeForm(request.POST)
    context = _code_context(form, code, next_page)
    if not form.is_valid():
        return unprocessable(request, CODE, context)
    try:
        sign_in_by_code(request, form.cleaned_data["code"])
    except CodeSpent as spent:
        form.add_error("code", str(spent))
        return too_many_requests(request, CODE, context, retry_after=spent.retry_after)
    except CodeRefused as wrong:
        form.add_error("code", str(wrong))
        return unprocessable(request, CODE, context)
    # A person without a user is offered to join at "/"; `next` would ask them to sign in again.
    return see_other(next_page if next_page and request.user.is_authenticated else "/")


@post_only("accounts:login_code")
def login_code_send(request: PublicRequest) -> HttpResponse:
    """Send another code to the same number."""
    next_page = next_of(request)
    code = outstanding_code(request)
    if code is None:
        return see_other(with_next("accounts:login", next_page))
    try:
        send_login_code(request, code.phone)
    except CodeLimited as limit:
        context = _code_context(LoginCodeForm(), code, next_page) | {"limit": str(limit)}
        context["here"] = with_next("accounts:login_code", next_page)
        return too_many_requests(request, CODE, context, retry_after=limit.retry_after)
    return see_other(with_next("accounts:login_code", next_page))


@read_or_post
@sensitive_post_parameters("password")
def login_password(request: PublicRequest) -> HttpResponse:
    next_page = next_of(request)
    if request.method != "POST":
        known = {"login": getattr(request.user, "login", "")}
        context = {"form": LoginPasswordForm(initial=known), "next": next_page}
        context["has_passkeys"] = passkeys_are_offered(request)
        return render(request, PASSWORD, context)
    form = LoginPasswordForm(request.POST)
    context = {"form": form, "next": next_page, "has_passkeys": passkeys_are_offered(request)}
    if not form.is_valid():
        return unprocessable(request, PASSWORD, context)
    try:
        user = verify_password(request, **form.cleaned_data)
    except PasswordWrong:
        form.add_error("password", _("Incorrect login or password."))
        return unprocessable(request, PASSWORD, context)
    except AttemptsExceeded as limit:
        form.add_error("password", wait_text(limit.retry_after))
        return too_many_requests(request, PASSWORD, context, retry_after=limit.retry_after)
    return sign_in(request, user, to=next_page or "/")


@post_only("/")
def logout(request: PublicRequest) -> HttpResponse:
    end_session(request)
    return see_other("accounts:login")


def _login_context(request: PublicRequest, form: LoginForm, next_page: str) -> dict[str, Any]:
    return {
        "form": form,
        "next": next_page,
        "can_scan": not is_hand_held(request),
        "wechat": wechat_option(request),
        "comes_from_scan": next_page.startswith("/q/"),
        "renewals": settings.ACCOUNTS_QR_RENEWALS,
        "poll_seconds": settings.ACCOUNTS_QR_POLL_SECONDS,
    }


def _code_context(form: LoginCodeForm, code: PhoneCode, next_page: str) -> dict[str, Any]:
    return {
        "form": form,
        "next": next_page,
        "phone": mask_phone(code.phone),
        "minutes": settings.SMS_CODE_SECONDS // 60,
        "resend_seconds": resend_seconds(code),
    }
