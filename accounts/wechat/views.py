"""Pages for signing in with WeChat, and for binding and unbinding it."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import fresh_action
from accounts.requests import PublicRequest, SignedInRequest, View
from accounts.sign_in.decorators import signed_in_page
from accounts.sign_in.next_page import next_of, with_next
from accounts.sign_in.phone_views import PhoneSteps, ask_code, ask_phone, send_code_again
from accounts.sign_in.restrictions import unrestricted_page
from accounts.sign_in.sessions import current_enterprise
from accounts.sign_in.wechat_choice import count_redirect, wechat_app_id
from accounts.wechat.bindings import PROVIDER, Proof, stored_proof, unbind_wechat
from accounts.wechat.provider import WechatAdapter, wechat_provider
from accounts.wechat.sign_in import PURPOSE, code_subject, prove_phone_for_wechat
from core.counters import CounterFull
from core.responses import post_only, see_other, too_many_requests

PHONE, CODE = "accounts/wechat_phone.html", "accounts/wechat_code.html"
FAILED = "accounts/wechat_callback_failed.html"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


def wechat_page(view: View) -> View:
    """Respond with 404 unless WeChat is configured."""

    @wraps(view)
    def guarded(request: PublicRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.HAS_WECHAT:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def proof_page(view: View) -> View:
    """Pass the session's scan to the view, or redirect to the sign-in page."""

    @wraps(view)
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
    return ask_phone(request, _steps(request, proof))


@wechat_page
@read_or_post
@sensitive_post_parameters("code")
@proof_page
def wechat_code(request: PublicRequest, proof: Proof) -> HttpResponse:
    return ask_code(request, _steps(request, proof))


@wechat_page
@post_only("accounts:wechat_code")
@proof_page
def wechat_code_send(request: PublicRequest, proof: Proof) -> HttpResponse:
    return send_code_again(request, _steps(request, proof))


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


def _steps(request: PublicRequest, proof: Proof) -> PhoneSteps:
    return PhoneSteps(
        "accounts:wechat_phone",
        "accounts:wechat_code",
        PHONE,
        CODE,
        verify=partial(prove_phone_for_wechat, request, proof=proof),
        purpose=PURPOSE,
        subject=code_subject(proof),
        context={"nickname": proof.nickname},
    )
