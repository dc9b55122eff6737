"""Choose how a browser signs in with WeChat.

A desktop scans a QR code, through the operator's website app. WeChat's own browser, which can't scan, uses the official
account.
"""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest

from accounts.clients import address_block, client_address, is_hand_held
from core.counters import count_up

MINUTE_SECONDS = 60


class WechatOption(StrEnum):
    """How the sign-in page offers WeChat; NOT_HERE means that it explains why it doesn't."""

    NONE = ""
    SCAN = "scan"
    WITHIN = "within"
    NOT_HERE = "not_here"


def wechat_option(request: HttpRequest) -> WechatOption:
    """Return the option for this browser. A phone can't scan its own screen."""
    if is_in_wechat(request) and settings.WEIXIN_OFFICIAL_APP_ID:
        return WechatOption.WITHIN
    if not is_hand_held(request):
        return WechatOption.SCAN if settings.WEIXIN_APP_ID else WechatOption.NONE
    return WechatOption.NOT_HERE if settings.HAS_WECHAT and is_in_wechat(request) else WechatOption.NONE


def wechat_app_id(request: HttpRequest) -> str:
    """Return the id of the WeChat app for this browser, or ""."""
    is_within = is_in_wechat(request) and settings.WEIXIN_OFFICIAL_APP_ID
    return settings.WEIXIN_OFFICIAL_APP_ID if is_within else settings.WEIXIN_APP_ID


def is_in_wechat(request: HttpRequest) -> bool:
    """True if the browser claims to be WeChat's, but not WeCom's, which can't use an official account."""
    user_agent = request.headers.get("user-agent", "")
    return "MicroMessenger/" in user_agent and "wxwork/" not in user_agent


def count_redirect(request: HttpRequest) -> None:
    """Count a redirect to WeChat. Raise CounterFull beyond ACCOUNTS_WECHAT_PER_ADDRESS in a minute."""
    key = f"wechat {address_block(client_address(request))}"
    count_up(key, seconds=MINUTE_SECONDS, most=settings.ACCOUNTS_WECHAT_PER_ADDRESS)
