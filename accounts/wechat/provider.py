"""allauth's WeChat provider, adapted to the responses of WeChat's API.

WeChat sends JSON as `text/plain` and reports errors as `errcode` with status 200. It identifies a person by an openid
per app, and by a unionid if the operator's apps are linked on its open platform.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.weixin.client import WeixinOAuth2Client
from allauth.socialaccount.providers.weixin.provider import WeixinProvider
from allauth.socialaccount.providers.weixin.views import WeixinOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from requests import RequestException

from accounts.sign_in.wechat_choice import wechat_app_id
from accounts.wechat.bindings import PROVIDER, adopt_unionid

UID_MAX_LENGTH = 191  # of allauth's column
NICKNAME_MAX = 64


class WechatClient(WeixinOAuth2Client):
    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: dict[str, str]) -> str:
        """Add the fragment that WeChat's pages require."""
        return f"{super().get_redirect_url(authorization_url, scope, extra_params)}#wechat_redirect"

    def get_access_token(self, code: str, pkce_code_verifier: str | None = None) -> dict[str, Any]:
        data = {"appid": self.consumer_key, "secret": self.consumer_secret, "code": code}
        return _fetch(
            "POST",
            self.access_token_url,
            data=data | {"grant_type": "authorization_code"},
            expected=["access_token", "openid"],
        )


class WechatAdapter(WeixinOAuth2Adapter):
    """Use the app for this browser (accounts.sign_in.wechat_choice)."""

    client_class = WechatClient
    access_token_url = f"{settings.WEIXIN_API_URL}/sns/oauth2/access_token"
    profile_url = f"{settings.WEIXIN_API_URL}/sns/userinfo"

    def get_provider(self) -> WechatProvider:
        return wechat_provider(self.request)

    @property
    def authorize_url(self) -> str:
        page = "oauth2/authorize" if self.get_provider().is_official else "qrconnect"
        return f"{settings.WEIXIN_PAGE_URL}/connect/{page}"

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return a URL below PUBLIC_URL, whatever the Host header says."""
        return f"{settings.PUBLIC_URL}{reverse('accounts:wechat_callback')}"

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        return SocialToken(token=data["access_token"])

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        openid = kwargs["response"]["openid"]
        params = {"access_token": token.token, "openid": openid}
        profile = _fetch("GET", self.profile_url, params=params, expected=["openid"])
        if profile["openid"] != openid:
            raise OAuth2Error("the profile is another person's")
        uid = self.get_provider().extract_uid(profile)
        if len(uid) > UID_MAX_LENGTH:
            raise OAuth2Error("the identifier is too long")
        if uid != openid:
            adopt_unionid(openid, uid)
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, profile)
        return login


class WechatProvider(WeixinProvider):
    oauth2_adapter_class = WechatAdapter

    @property
    def is_official(self) -> bool:
        """True for the official account, which is used in WeChat's own browser."""
        return bool(self.app.client_id == settings.WEIXIN_OFFICIAL_APP_ID)

    def get_default_scope(self) -> list[str]:
        return ["snsapi_userinfo"] if self.is_official else ["snsapi_login"]

    def extract_uid(self, data: dict[str, Any]) -> str:
        unionid = data.get("unionid")
        return unionid if unionid and isinstance(unionid, str) else data["openid"]

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Keep the nickname only, by which people recognise their account."""
        nickname = "".join(char for char in str(data.get("nickname") or "") if char.isprintable())
        return {"nickname": nickname.strip()[:NICKNAME_MAX]}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}


def wechat_provider(request: HttpRequest) -> WechatProvider:
    provider: WechatProvider = get_adapter(request).get_provider(request, PROVIDER, client_id=wechat_app_id(request))
    return provider


def _fetch(method: str, url: str, *, expected: Sequence[str], **request: Any) -> dict[str, Any]:
    """Return WeChat's response, in which the `expected` keys are strings. Raise OAuth2Error, which quotes no secret."""
    try:
        with get_adapter().get_requests_session() as session:
            data = json.loads(session.request(method, url, **request).content.decode("utf-8"))
    except RequestException as failure:
        raise OAuth2Error(f"WeChat was not reached: {type(failure).__name__}") from None
    except ValueError:
        raise OAuth2Error("WeChat's response is not JSON") from None
    if not isinstance(data, dict) or data.get("errcode"):
        raise OAuth2Error(f"WeChat refused: {data.get('errcode') if isinstance(data, dict) else 'not an object'}")
    if not all(isinstance(data.get(name), str) and 0 < len(data[name]) <= 512 for name in expected):
        raise OAuth2Error("WeChat's response is incomplete")
    return data
