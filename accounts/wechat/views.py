"""Pages for signing in with WeChat, and for binding and unbinding it."""

from __future__ import annotations

import functools
from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import fresh_action
from accounts.requests import PublicRequest, SignedInRequest, View
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.forms import LoginCodeForm, LoginForm
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.restrictions import unrestricted_page
from accounts.sign_in.sessions import current_enterprise
from accounts.sign_in.wechat_choice import count_redirect, wechat_app_id
from accounts.wechat.bindings import PROVIDER, Proof, stored_proof, unbind_wechat
from accounts.wechat.provider import WechatAdapter, wechat_provider
from accounts.wechat.sign_in import outstanding_wechat_code, prove_phone_for_wechat, send_wechat_code
from core.counters import CounterFull
from core.responses import post_only, see_other, too_many_requests, unprocessable
from sms.codes.actions import CodeRefused, CodeSpent
from sms.codes.limits import CodeLimited
from sms.models import PhoneCode
from sms.phones import mask_phone

PHONE, CODE = "accounts/wechat_phone.html", "accounts/wechat_code.html"
FAILED = "accounts/wechat_callback_failed.html"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


def wechat_page(view: View) -> View:
    """Respond with 404 unless WeChat is configured."""

    @functools.wraps(view)
    def guarded(request: PublicRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.HAS_WECHAT:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def proof_page(view: View) -> View:
    """Pass the session's scan to the view, or redirect to the sign-in page."""

    @functools.wraps(view)
    def guarded(request: PublicRequest) -> HttpResponse:
        proof = stored_proof(request)
        if proof is None:
            return redirect(with_next("accounts:login", next_of(request)))
        return view(request, proof)

    return guarded


@wechat_page
@post_only("accounts:login")
def wechat_login(request: PublicRequest) -> HttpResponse:
    return _redirect_to_wechat(request, "login", next_of(request))


@wechat_page
@require_GET
def wechat_callback(request: PublicRequest) -> HttpResponse:
    """Let allauth handle WeChat's redirect, which continues in accounts.adapter.SocialAccountAdapter."""
    answer: HttpResponse = OAuth2CallbackView.adapter_view(WechatAdapter)(request)
    return answer


@wechat_page
@read_or_post
@proof_page
def wechat_phone(request: PublicRequest, proof: Proof) -> HttpResponse:
    """Ask for the phone of a person whose WeChat account is not bound."""
    next_page = next_of(request)
    form = LoginForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "next": next_page, "nickname": proof.nickname}
    if request.method != "POST":
        return render(request, PHONE, context)
    if not form.is_valid():
        return unprocessable(request, PHONE, context)
    try:
        send_wechat_code(request, form.cleaned_data["phone"], proof)
    except CodeLimited as limit:
        form.add_error("phone", str(limit))
        context["has_code"] = outstanding_wechat_code(request, proof) is not None
        return too_many_requests(request, PHONE, context, retry_after=limit.retry_after)
    return see_other(with_next("accounts:wechat_code", next_page))


@wechat_page
@read_or_post
@sensitive_post_parameters("code")
@proof_page
def wechat_code(request: PublicRequest, proof: Proof) -> HttpResponse:
    """Check the code, and sign in the user of the phone."""
    next_page = next_of(request)
    code = outstanding_wechat_code(request, proof)
    if code is None:
        return redirect(with_next("accounts:wechat_phone", next_page))
    if request.method != "POST":
        return render(request, CODE, _code_context(LoginCodeForm(), code, proof, next_page))
    form = LoginCodeForm(request.POST)
    context = _code_context(form, code, proof, next_page)
    if not form.is_valid():
        return unprocessable(request, CODE, context)
    try:
        prove_phone_for_wechat(request, form.cleaned_data["code"], proof)
    except CodeSpent as spent:
        form.add_error("code", str(spent))
        return too_many_requests(request, CODE, context, retry_after=spent.retry_after)
    except CodeRefused as wrong:
        form.add_error("code", str(wrong))
        return unprocessable(request, CODE, context)
    return see_other(next_page if next_page and request.user.is_authenticated else "/")


@wechat_page
@post_only("accounts:wechat_code")
@proof_page
def wechat_code_send(request: PublicRequest, proof: Proof) -> HttpResponse:
    """Send another code to the same number."""
    next_page = next_of(request)
    code = outstanding_wechat_code(request, proof)
    if code is None:
        return see_other(with_next("accounts:wechat_phone", next_page))
    try:
        send_wechat_code(request, code.phone, proof)
    except CodeLimited as limit:
        context = _code_context(LoginCodeForm(), code, proof, next_page) | {"limit": str(limit)}
        return too_many_requests(request, CODE, context, retry_after=limit.retry_after)
    return see_other(with_next("accounts:wechat_code", next_page))


@wechat_page
@signed_in_page
@unrestricted_page
@fresh_action
@post_only("accounts:device_list")
def wechat_bind(request: SignedInRequest) -> HttpResponse:
    if current_enterprise(request) is None:
        return see_other("/")
    return _redirect_to_wechat(request, "connect")


@wechat_page
@signed_in_page
@unrestricted_page
@post_only("accounts:device_list")
def wechat_unbind(request: SignedInRequest, id: int) -> HttpResponse:
    account = get_object_or_404(SocialAccount, pk=id, user=request.user, provider=PROVIDER)
    enterprise = current_enterprise(request)
    if enterprise is None:
        return see_other("/")
    unbind_wechat(account, enterprise=enterprise, by=request.actor)
    messages.success(request, _("WeChat is unlinked. Scanning with it no longer signs you in."))
    return see_other("accounts:device_list")


def _redirect_to_wechat(request: PublicRequest, process: str, next_page: str = "") -> HttpResponse:
    if not wechat_app_id(request):
        raise Http404
    try:
        count_redirect(request)
    except CounterFull as full:
        context = {"kind": "busy", "is_binding": process == "connect", "here": reverse("accounts:login")}
        return too_many_requests(request, FAILED, context, retry_after=full.retry_after)
    provider = wechat_provider(request)
    # WeChat's own browser refuses a URL with further parameters.
    is_default = provider.is_official or (get_language() or "").startswith("zh")
    language = {} if is_default else {"auth_params": {"lang": "en"}}
    answer: HttpResponse = provider.redirect(request, process=process, next_url=next_page or None, **language)
    return answer


def _code_context(form: LoginCodeForm, code: PhoneCode, proof: Proof, next_page: str) -> dict[str, Any]:
    return {
        "form": form,
        "next": next_page,
        "nickname": proof.nickname,
        "phone": mask_phone(code.phone),
        "minutes": settings.SMS_CODE_SECONDS // 60,
        "resend_seconds": resend_seconds(code),
    }
