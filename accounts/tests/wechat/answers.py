"""A double of WeChat that answers as WeChat does: JSON under text/plain, failures with status 200."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from urllib.parse import parse_qs, parse_qsl, urlsplit

import responses

API = "https://api.weixin.qq.com"
TOKEN, PROFILE = f"{API}/sns/oauth2/access_token", f"{API}/sns/userinfo"
SECRET = "d4624c36b6795d1d99dcf0547af5443d"
PAGE = "https://open.weixin.qq.com/connect/qrconnect"
OFFICIAL, OFFICIAL_PAGE = "wx520c15f417810387", "https://open.weixin.qq.com/connect/oauth2/authorize"


class Wechat:
    """Who scans is `openid` (and `unionid`); what the API says can be set aside by `token` and `profile`."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.openid, self.unionid, self.nickname = (
            "oLVPpjqs9BhvzwPj5A-vTYAX3GLc",
            "o6_bmasdasdsad6_2sgVt7hMZOPfL",
            "小林",
        )
        self.codes: dict[str, str] = {}
        self.seen: list[dict[str, str]] = []
        self.token: object = None
        self.profile: object = None
        mock.add_callback(responses.POST, TOKEN, self.answer_token, content_type="text/plain")
        mock.add_callback(responses.GET, re.compile(re.escape(PROFILE)), self.answer_profile, content_type="text/plain")

    def scan(self, browser, answer, **params: str):
        """A person scans and allows what `answer` asks: the callback's answer to this browser."""
        page = urlsplit(answer["Location"])
        asked = {name: values[0] for name, values in parse_qs(page.query).items()}
        assert answer["Location"].startswith((PAGE, OFFICIAL_PAGE))
        code = f"code-{len(self.codes)}"
        self.codes[code] = self.openid
        back = urlsplit(asked["redirect_uri"])
        return browser.get(back.path, {"code": code, "state": asked["state"], **params})

    def answer_token(self, request):
        asked = dict(parse_qsl(request.body))
        self.seen.append(asked)
        if self.token is not None:
            return _answer(self.token)
        openid = self.codes.pop(asked.get("code"), None)
        if openid is None:
            return _answer({"errcode": 40029, "errmsg": "invalid code, rid: 5f1a"})
        return _answer(
            {
                "access_token": "72_SECRET-TOKEN",
                "expires_in": 7200,
                "refresh_token": "72_SECRET-REFRESH",
                "openid": openid,
                "scope": "snsapi_login",
            }
            | self._union()
        )

    def answer_profile(self, request):
        if self.profile is not None:
            return _answer(self.profile)
        profile = {
            "openid": self.openid,
            "nickname": self.nickname,
            "sex": 0,
            "language": "",
            "city": "",
            "province": "",
        }
        return _answer(
            profile | {"country": "", "headimgurl": "https://thirdwx.qlogo.cn/x", "privilege": []} | self._union()
        )

    def _union(self):
        return {"unionid": self.unionid} if self.unionid else {}


def _answer(response):
    if isinstance(response, Exception):
        raise response
    body = response if isinstance(response, bytes) else json.dumps(response, ensure_ascii=False).encode()
    return 200, {}, body


@contextmanager
def wechat_of(settings, *, has_official=False):
    """WeChat is configured and answers; nothing else of the network does."""
    settings.HAS_WECHAT = True
    settings.WEIXIN_APP_ID = "wxbdc5610cc59c1631"
    apps = [{"client_id": settings.WEIXIN_APP_ID, "secret": SECRET}]
    if has_official:
        settings.WEIXIN_OFFICIAL_APP_ID = OFFICIAL
        apps.append({"client_id": OFFICIAL, "secret": SECRET})
    settings.SOCIALACCOUNT_PROVIDERS = {"weixin": settings.SOCIALACCOUNT_PROVIDERS["weixin"] | {"APPS": apps}}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wechat(mock)
