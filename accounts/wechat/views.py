"""Signing in with WeChat, and binding and unbinding it."""

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
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import fresh_action
from accounts.requests import PublicRequest, SignedInRequest, View
from accounts.sign_in.browser_codes import resend_seconds
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.forms import LoginCodeForm, LoginForm
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.restrictions import unrestricted_page
from accounts.sign_in.sessions import current_enterprise
from accounts.sign_in.wechat_choice import count_journey, weixin_app
from accounts.wechat.bindings import PROVIDER, Proof, carried_proof, unbind_weixin
from accounts.wechat.provider import WeixinAdapter, weixin_provider
from accounts.wechat.sign_in import outstanding_weixin_code, prove_phone_for_weixin, send_weixin_code
from core.counters import CounterFull
from core.responses import see_other, too_many_requests, unprocessable
from sms.codes.actions import CodeRefused, CodeSpent
from sms.codes.limits import CodeLimited
from sms.models import PhoneCode
from sms.phones import mask_phone

PHONE, CODE = "accounts/weixin_phone.html", "accounts/weixin_code.html"
FAILED = "accounts/weixin_callback_failed.html"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


def with_weixin(view: View) -> View:
    """Only where the operator has WeChat."""

    @functools.wraps(view)
    def guarded(request: PublicRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.HAS_WEIXIN:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def with_proof(view: View) -> View:
    """Pass on what WeChat said in this session; without it back to the sign-in."""

    @functools.wraps(view)
    def guarded(request: PublicRequest) -> HttpResponse:
        proof = carried_proof(request)
        if proof is None:
            return redirect(with_next("accounts:login", next_of(request)))
        return view(request, proof)

    return guarded


@with_weixin
@require_POST
def weixin_login(request: PublicRequest) -> HttpResponse:
    """To WeChat's page with its code to scan, or within WeChat to its question."""
    return _to_weixin(request, "login", next_of(request))


@with_weixin
@require_GET
def weixin_callback(request: PublicRequest) -> HttpResponse:
    """Back from WeChat. What follows a known and an unknown one is accounts.wechat.sign_in."""
    answer: HttpResponse = OAuth2CallbackView.adapter_view(WeixinAdapter)(request)
    return answer


@with_weixin
@read_or_post
@with_proof
def weixin_phone(request: PublicRequest, proof: Proof) -> HttpResponse:
    """Who scanned is not known yet: which phone is theirs?"""
    next_page = next_of(request)
    form = LoginForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "next": next_page, "nickname": proof.nickname}
    if request.method != "POST":
        return render(request, PHONE, context)
    if not form.is_valid():
        return unprocessable(request, PHONE, context)
    try:
        send_weixin_code(request, form.cleaned_data["phone"], proof)
    except CodeLimited as limit:
        form.add_error("phone", str(limit))
        context["has_code"] = outstanding_weixin_code(request, proof) is not None
        return too_many_requests(request, PHONE, context, retry_after=limit.retry_after)
    return see_other(with_next("accounts:weixin_code", next_page))


@with_weixin
@read_or_post
@sensitive_post_parameters("code")
@with_proof
def weixin_code(request: PublicRequest, proof: Proof) -> HttpResponse:
    """The right code signs in whose phone it proves; WeChat is bound where they enter."""
    next_page = next_of(request)
    code = outstanding_weixin_code(request, proof)
    if code is None:
        return redirect(with_next("accounts:weixin_phone", next_page))
    if request.method != "POST":
        return render(request, CODE, _code_context(LoginCodeForm(), code, proof, next_page))
    form = LoginCodeForm(request.POST)
    context = _code_context(form, code, proof, next_page)
    if not form.is_valid():
        return unprocessable(request, CODE, context)
    try:
        prove_phone_for_weixin(request, form.cleaned_data["code"], proof)
    except CodeSpent as spent:
        form.add_error("code", str(spent))
        return too_many_requests(request, CODE, context, retry_after=spent.retry_after)
    except CodeRefused as wrong:
        form.add_error("code", str(wrong))
        return unprocessable(request, CODE, context)
    return see_other(next_page if next_page and request.user.is_authenticated else "/")


@with_weixin
@require_POST
@with_proof
def weixin_code_send(request: PublicRequest, proof: Proof) -> HttpResponse:
    """Another code to the number the last one went to."""
    next_page = next_of(request)
    code = outstanding_weixin_code(request, proof)
    if code is None:
        return see_other(with_next("accounts:weixin_phone", next_page))
    try:
        send_weixin_code(request, code.phone, proof)
    except CodeLimited as limit:
        context = _code_context(LoginCodeForm(), code, proof, next_page) | {"limit": str(limit)}
        return too_many_requests(request, CODE, context, retry_after=limit.retry_after)
    return see_other(with_next("accounts:weixin_code", next_page))


@with_weixin
@signed_in_page
@unrestricted_page
@fresh_action
@require_POST
def weixin_bind(request: SignedInRequest) -> HttpResponse:
    """Whoever is inside an enterprise binds their WeChat by a scan."""
    if current_enterprise(request) is None:
        return see_other("/")
    return _to_weixin(request, "connect")


@with_weixin
@signed_in_page
@unrestricted_page
@require_POST
def weixin_unbind(request: SignedInRequest, id: int) -> HttpResponse:
    """This WeChat signs the person in no more."""
    account = get_object_or_404(SocialAccount, pk=id, user=request.user, provider=PROVIDER)
    enterprise = current_enterprise(request)
    if enterprise is None:
        return see_other("/")
    unbind_weixin(account, enterprise=enterprise, by=request.actor)
    messages.success(request, _("WeChat is unbound: scanning with it no longer signs you in."))
    return see_other("accounts:device_list")


def _to_weixin(request: PublicRequest, process: str, next_page: str = "") -> HttpResponse:
    if not weixin_app(request):
        raise Http404
    try:
        count_journey(request)
    except CounterFull as full:
        context = {"kind": "busy", "is_binding": process == "connect", "here": reverse("accounts:login")}
        return too_many_requests(request, FAILED, context, retry_after=full.retry_after)
    provider = weixin_provider(request)
    # Within WeChat an address with anything else in it is refused.
    has_words = provider.is_official or (get_language() or "").startswith("zh")
    language = {} if has_words else {"auth_params": {"lang": "en"}}
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
