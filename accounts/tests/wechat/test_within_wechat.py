"""Within WeChat itself, where nothing can be scanned; and how many ways to WeChat may begin."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.tests.wechat.answers import OFFICIAL, OFFICIAL_PAGE, PAGE, wechat_of
from accounts.wechat.bindings import Proof, bind_wechat

pytestmark = pytest.mark.django_db
LOGIN, PATH = "/login/", "/login/weixin/"
WECHAT_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "MicroMessenger/8.0.60(0x18003c2f) NetType/WIFI Language/zh_CN"
)
WECHAT_DESK = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/132.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) "
    "NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090c33)"
)
WECOM_PHONE = WECHAT_PHONE.replace("MicroMessenger", "wxwork/4.1.30 MicroMessenger")
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36"
BUTTON, WORDS = f'action="{PATH}"', "so use your phone number."


def within(user_agent=WECHAT_PHONE, language="en", **more):
    return Client(headers={"accept-language": language, "user-agent": user_agent}, **more)


@pytest.fixture
def official(settings):
    """WeChat's double, with a website app and an official account."""
    with wechat_of(settings, has_official=True) as double:
        yield double


@pytest.mark.parametrize(
    ("user_agent", "has_official", "shown"),
    [
        (WECHAT_PHONE, True, BUTTON),
        (WECHAT_PHONE, False, WORDS),
        (WECHAT_DESK, True, BUTTON),
        (WECHAT_DESK, False, BUTTON),
        (WECOM_PHONE, True, None),
        (SAFARI, True, None),
        (DESK, True, BUTTON),
        (DESK, False, BUTTON),
    ],
)
def test_what_the_sign_in_page_says_of_wechat(settings, user_agent, has_official, shown):
    with wechat_of(settings, has_official=has_official):
        page = within(user_agent).get(LOGIN).text
    assert [part for part in (BUTTON, WORDS) if part in page] == ([shown] if shown else [])


def test_where_the_operator_has_no_wechat_nothing_is_said_of_it():
    page = within().get(LOGIN).text
    assert BUTTON not in page
    assert WORDS not in page


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_within_wechat_the_official_account_asks_in_the_one_order_wechat_takes(official, language):
    answer = within(language=language).post(PATH)
    page = urlsplit(answer["Location"])
    asked = parse_qsl(page.query)
    assert f"{page.scheme}://{page.netloc}{page.path}" == OFFICIAL_PAGE
    assert page.fragment == "wechat_redirect"
    assert [name for name, _said in asked] == ["appid", "redirect_uri", "response_type", "scope", "state"]
    assert (dict(asked)["appid"], dict(asked)["scope"]) == (OFFICIAL, "snsapi_userinfo")


def test_at_a_screen_it_is_the_website_app_still(official):
    page = urlsplit(within(DESK).post(PATH)["Location"])
    assert f"{page.scheme}://{page.netloc}{page.path}" == PAGE
    assert dict(parse_qsl(page.query))["scope"] == "snsapi_login"


@pytest.mark.parametrize("openid", ["oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "oAnotherAppsNameForThem"])
def test_a_bound_user_signs_in_by_either_app_of_the_unionid(official, alice, enterprise, openid):
    bind_wechat(alice, Proof(uid=official.unionid, nickname="小林", at=0), enterprise=enterprise, by=command_actor())
    official.openid = openid
    for browser in (within(), within(DESK)):
        assert official.scan(browser, browser.post(PATH)).status_code == 303
        assert browser.session["_auth_user_id"] == str(alice.pk)
    assert [asked["appid"] for asked in official.seen] == [OFFICIAL, "wxbdc5610cc59c1631"]


def test_an_unknown_user_verifies_a_phone(official):
    browser = within()
    assert official.scan(browser, browser.post(PATH))["Location"] == "/login/weixin/phone/"


def test_with_an_official_account_alone_a_screen_has_no_way(settings):
    with wechat_of(settings, has_official=True):
        settings.WEIXIN_APP_ID = ""
        assert BUTTON not in within(DESK).get(LOGIN).text
        assert within(DESK).post(PATH).status_code == 404
        assert within().post(PATH).status_code == 302


def test_an_address_begins_so_many_ways_in_a_minute_whatever_it_calls_itself(wechat, settings):
    settings.ACCOUNTS_WECHAT_PER_ADDRESS = 3
    with time_machine.travel(timezone.now().replace(second=1), tick=False) as clock:
        for _ in range(3):
            assert within(DESK).post(PATH).status_code == 302
        answer = within(DESK, REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="1.2.3.4").post(PATH)
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 60
        assert "sign in another way" in answer.text
        assert within(DESK, REMOTE_ADDR="203.0.113.9").post(PATH).status_code == 302
        clock.shift(60)
        assert within(DESK).post(PATH).status_code == 302
