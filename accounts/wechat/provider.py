"""How WeChat speaks: allauth's provider, made to hold when WeChat answers as it does.

WeChat says JSON under `text/plain`, reports a failure as `errcode` with status 200, and names a person by an openid for
this app alone and, where the operator's apps are linked on its open platform, by a unionid for all of them.
"""

from __future__ import annotations

import json
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.weixin.client import WeixinOAuth2Client
from allauth.socialaccount.providers.weixin.provider import WeixinProvider as AllauthWeixinProvider
from allauth.socialaccount.providers.weixin.views import WeixinOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from requests import RequestException, Response

from accounts.sign_in.wechat_choice import weixin_app
from accounts.wechat.bindings import PROVIDER, adopt_unionid

UID_MAX_LENGTH = 191  # of allauth's column
NICKNAME_MAX = 64


class WeixinClient(WeixinOAuth2Client):
    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: dict[str, str]) -> str:
        """WeChat's pages want the fragment after a redirect."""
        return f"{super().get_redirect_url(authorization_url, scope, extra_params)}#wechat_redirect"

    def get_access_token(self, code: str, pkce_code_verifier: str | None = None) -> dict[str, Any]:
        said = {"appid": self.consumer_key, "secret": self.consumer_secret, "code": code}
        answer = _ask("POST", self.access_token_url, data=said | {"grant_type": "authorization_code"})
        return _read(answer, "access_token", "openid")


class WeixinAdapter(WeixinOAuth2Adapter):
    """Goes by the app that is meant for the browser (accounts.sign_in.wechat_choice)."""

    client_class = WeixinClient
    access_token_url = f"{settings.WEIXIN_API_URL}/sns/oauth2/access_token"
    profile_url = f"{settings.WEIXIN_API_URL}/sns/userinfo"

    def get_provider(self) -> WeixinProvider:
        return weixin_provider(self.request)

    @property
    def authorize_url(self) -> str:
        page = "oauth2/authorize" if self.get_provider().is_official else "qrconnect"
        return f"{settings.WEIXIN_PAGE_URL}/connect/{page}"

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Under the operator's address, whatever host the request named."""
        return f"{settings.PUBLIC_URL}{reverse('accounts:weixin_callback')}"

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Used once, for the profile, and kept nowhere."""
        return SocialToken(token=data["access_token"])

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        openid = kwargs["response"]["openid"]
        answer = _ask("GET", self.profile_url, params={"access_token": token.token, "openid": openid})
        profile = _read(answer, "openid")
        if profile["openid"] != openid:
            raise OAuth2Error("the profile is another person's")
        uid = self.get_provider().extract_uid(profile)
        if len(uid) > UID_MAX_LENGTH:
            raise OAuth2Error("the identifier is too long")
        if uid != openid:
            adopt_unionid(openid, uid)
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, profile)
        return login


class WeixinProvider(AllauthWeixinProvider):
    oauth2_adapter_class = WeixinAdapter

    @property
    def is_official(self) -> bool:
        """Whether this is the official account, which asks within WeChat."""
        return bool(self.app.client_id == settings.WEIXIN_OFFICIAL_APP_ID)

    def get_default_scope(self) -> list[str]:
        return ["snsapi_userinfo"] if self.is_official else ["snsapi_login"]

    def extract_uid(self, data: dict[str, Any]) -> str:
        unionid = data.get("unionid")
        return unionid if unionid and isinstance(unionid, str) else data["openid"]

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """All that is kept of a profile: the name by which the person knows which WeChat it is."""
        nickname = "".join(sign for sign in str(data.get("nickname") or "") if sign.isprintable())
        return {"nickname": nickname.strip()[:NICKNAME_MAX]}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}


def weixin_provider(request: HttpRequest) -> WeixinProvider:
    """With the app that this browser goes by."""
    provider: WeixinProvider = get_adapter(request).get_provider(request, PROVIDER, client_id=weixin_app(request))
    return provider


def _ask(method: str, url: str, **said: Any) -> Response:
    """Raises OAuth2Error, which quotes no address: one holds the token."""
    try:
        with get_adapter().get_requests_session() as session:
            answer: Response = session.request(method, url, **said)
    except RequestException as failure:
        raise OAuth2Error(f"WeChat was not reached: {type(failure).__name__}") from None
    return answer


def _read(answer: Response, *expected: str) -> dict[str, Any]:
    """What WeChat said, if it is an object in which these are texts. Raises OAuth2Error, which quotes no secret."""
    try:
        said = json.loads(answer.content.decode("utf-8"))
    except ValueError:
        raise OAuth2Error("WeChat's answer is no JSON") from None
    if not isinstance(said, dict) or said.get("errcode"):
        raise OAuth2Error(f"WeChat refused: {said.get('errcode') if isinstance(said, dict) else 'no object'}")
    if not all(isinstance(said.get(name), str) and 0 < len(said[name]) <= 512 for name in expected):
        raise OAuth2Error("WeChat's answer lacks what was asked for")
    return said
