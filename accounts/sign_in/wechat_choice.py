"""Which of the operator's apps at WeChat a browser goes by: at a screen a code to scan, that of a website app; within
WeChat itself, where nothing can be scanned, that of an official account."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest

from accounts.clients import address_block, client_address, is_hand_held
from core.counters import count_up

MINUTE_SECONDS = 60


class WeixinWay(StrEnum):
    """What the sign-in page has to say of WeChat."""

    NONE = ""
    SCAN = "scan"
    WITHIN = "within"
    NOT_HERE = "not_here"


def weixin_way(request: HttpRequest) -> WeixinWay:
    """A phone can't scan its own screen; in WeChat, where one would expect it, that is said."""
    if is_within_weixin(request) and settings.WEIXIN_OFFICIAL_APP_ID:
        return WeixinWay.WITHIN
    if not is_hand_held(request):
        return WeixinWay.SCAN if settings.WEIXIN_APP_ID else WeixinWay.NONE
    return WeixinWay.NOT_HERE if settings.HAS_WEIXIN and is_within_weixin(request) else WeixinWay.NONE


def weixin_app(request: HttpRequest) -> str:
    """The id of the app that this browser goes by, or ""."""
    is_within = is_within_weixin(request) and settings.WEIXIN_OFFICIAL_APP_ID
    return settings.WEIXIN_OFFICIAL_APP_ID if is_within else settings.WEIXIN_APP_ID


def is_within_weixin(request: HttpRequest) -> bool:
    """By its own word. WeCom says so too, and opens no page of an official account."""
    user_agent = request.headers.get("user-agent", "")
    return "MicroMessenger/" in user_agent and "wxwork/" not in user_agent


def count_journey(request: HttpRequest) -> None:
    """One more way to WeChat begins, which is kept until it ends. Raises CounterFull for an address that has had
    ACCOUNTS_WEIXIN_PER_ADDRESS within a minute."""
    key = f"weixin {address_block(client_address(request))}"
    count_up(key, seconds=MINUTE_SECONDS, most=settings.ACCOUNTS_WEIXIN_PER_ADDRESS)
