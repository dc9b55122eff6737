"""Pages for signing in and out."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.clients import is_hand_held, passkeys_are_offered
from accounts.requests import PublicRequest
from accounts.sign_in.attempt_limits import AttemptsExceeded, wait_text
from accounts.sign_in.by_code import sign_in_by_code
from accounts.sign_in.by_password import PasswordWrong, sign_in, verify_password
from accounts.sign_in.forms import LoginPasswordForm
from accounts.sign_in.next_page import next_of
from accounts.sign_in.phone_views import PhoneSteps, ask_code, ask_phone, send_code_again
from accounts.sign_in.sessions import end_session
from accounts.sign_in.wechat_choice import wechat_option
from core.responses import post_only, see_other, too_many_requests, unprocessable

LOGIN, CODE, PASSWORD = "accounts/login.html", "accounts/login_code.html", "accounts/login_password.html"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@read_or_post
def login(request: PublicRequest) -> HttpResponse:
    return ask_phone(request, _steps(request))


@read_or_post
@sensitive_post_parameters("code")
def login_code(request: PublicRequest) -> HttpResponse:
    return ask_code(request, _steps(request))


@post_only("accounts:login_code")
def login_code_send(request: PublicRequest) -> HttpResponse:
    return send_code_again(request, _steps(request))


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


def _steps(request: PublicRequest) -> PhoneSteps:
    context = {
        "can_scan": not is_hand_held(request),
        "wechat": wechat_option(request),
        "comes_from_scan": next_of(request).startswith("/q/"),
        "renewals": settings.ACCOUNTS_QR_RENEWALS,
        "poll_seconds": settings.ACCOUNTS_QR_POLL_SECONDS,
    }
    verify = partial(sign_in_by_code, request)
    return PhoneSteps("accounts:login", "accounts:login_code", LOGIN, CODE, verify=verify, context=context)
