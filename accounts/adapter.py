"""Adapters for allauth, which runs the stages of a sign-in by password and the redirects to WeChat."""

import logging
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.clients import client_address
from accounts.models import User
from accounts.sign_in.sessions import current_enterprise, open_session
from accounts.wechat.bindings import Proof
from accounts.wechat.sign_in import handle_wechat_binding, handle_wechat_login
from core.encryption import decrypt, encrypt
from core.responses import see_other
from sms.outbox.texts import BRAND

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def get_login_stages(self) -> list[str]:
        return ["accounts.second_factor.login_stage.FactorStage"]

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        assert isinstance(user, User)
        open_session(request, user, method="password")  # type: ignore[arg-type]

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **login: Any) -> HttpResponse:
        return see_other(login["redirect_url"])


class FactorAdapter(DefaultMFAAdapter):
    """Encrypt secrets, and choose the names that authenticator apps and devices display."""

    def encrypt(self, text: str) -> str:
        return encrypt({"secret": text}, use="factor")

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text, use="factor")["secret"]

    def get_totp_issuer(self) -> str:
        enterprise = current_enterprise(context.request)
        return enterprise.name if enterprise else str(BRAND)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return super().get_public_key_credential_rp_entity() | {"name": str(BRAND)}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        shown = {"name": self._get_user_identifier(user), "display_name": str(user)}
        return super().get_public_key_credential_user_entity(user) | shown

    def _get_user_identifier(self, user: AbstractBaseUser) -> str:
        return user.get_username() or str(user)

    def _get_site_name(self) -> str:
        return str(BRAND)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Hand over to accounts.wechat.sign_in once WeChat has identified a person."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Redirect, which replaces allauth's own sign-in, sign-up and connecting."""
        account, state = sociallogin.account, sociallogin.state
        proof = Proof(uid=account.uid, nickname=account.extra_data["nickname"], at=int(time.time()))
        if state.get("process") == "connect":
            to = handle_wechat_binding(request, proof)  # type: ignore[arg-type]
        else:
            user = sociallogin.user if sociallogin.is_existing else None
            to = handle_wechat_login(request, user, proof, next_page=state.get("next") or "")  # type: ignore[arg-type]
        raise ImmediateHttpResponse(see_other(to))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        state = (extra_context or {}).get("state")
        kind = "expired" if state is None else "failed" if exception else "cancelled"
        if exception:
            # Only the type: the text may quote a URL that contains a token.
            log.warning("wechat_sign_in_failed error=%s", type(exception).__name__)
        context = {"kind": kind, "is_binding": (state or {}).get("process") == "connect"}
        context["here"] = reverse("accounts:login")
        page = render(request, "accounts/wechat_callback_failed.html", context, status=400)
        raise ImmediateHttpResponse(page)
