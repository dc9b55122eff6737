"""What WeChat says, rightly and wrongly, and what is kept of it."""

from __future__ import annotations

import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.models import User
from accounts.tests.membership_double import ENTERING_DOUBLE
from accounts.tests.wechat.answers import SECRET
from accounts.wechat.bindings import Proof, bind_wechat

pytestmark = pytest.mark.django_db
PATH = "/login/weixin/"
CALLBACK = "/login/weixin/callback/"


def start(browser, **fields):
    return browser.post(PATH, fields)


def state_of(answer):
    return parse_qs(urlsplit(answer["Location"]).query)["state"][0]


@pytest.fixture
def bound(enterprise, alice, wechat):
    """Alice's WeChat is linked."""
    proof = Proof(uid=wechat.unionid, nickname="小林", at=0)
    bind_wechat(alice, proof, enterprise=enterprise, by=command_actor())
    return alice


def test_the_button_leads_to_wechat_with_our_address_and_a_state(english, wechat, settings):
    settings.PUBLIC_URL = "https://mail.example.com"
    answer = start(english)
    assert answer.status_code == 302
    page = urlsplit(answer["Location"])
    asked = {name: values[0] for name, values in parse_qs(page.query).items()}
    assert f"{page.scheme}://{page.netloc}{page.path}" == "https://open.weixin.qq.com/connect/qrconnect"
    assert page.fragment == "wechat_redirect"
    assert len(asked.pop("state")) >= 16
    assert asked == {
        "appid": "wxbdc5610cc59c1631",
        "redirect_uri": "https://mail.example.com/login/weixin/callback/",
        "response_type": "code",
        "scope": "snsapi_login",
        "lang": "en",
    }
    assert SECRET not in answer["Location"]


def test_a_known_wechat_is_in(english, wechat, bound):
    key = english.session.session_key
    answer = wechat.scan(english, start(english, next="/mailbox/devices/"))
    assert (answer.status_code, answer["Location"]) == (303, "/mailbox/devices/")
    assert english.session["method"] == "wechat"
    assert english.session["_auth_user_id"] == str(bound.pk)
    assert english.session.session_key != key
    assert wechat.seen == [
        {"appid": "wxbdc5610cc59c1631", "secret": SECRET, "code": "code-0", "grant_type": "authorization_code"}
    ]


def test_a_session_by_wechat_alone_reaches_no_console(english, wechat, bound, settings):
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE
    wechat.scan(english, start(english))
    assert english.session["enterprise"]
    for path in ("/console/", "/console/members/", "/console/settings/"):
        answer = english.get(path)
        assert answer.status_code == 302, path
        assert not answer["Location"].startswith("/console/"), path


def test_an_unknown_wechat_is_asked_for_its_phone(english, wechat):
    answer = wechat.scan(english, start(english, next="/mailbox/"))
    assert answer["Location"] == "/login/weixin/phone/?next=%2Fmailbox%2F"
    assert "小林" in english.get(answer["Location"]).text
    assert not User.objects.filter(roles=None).exists()
    assert not SocialAccount.objects.exists()
    assert "_auth_user_id" not in english.session


def test_a_person_shut_out_of_everything_is_not_let_in_by_wechat(english, wechat, bound):
    User.objects.update(is_active=False)
    assert wechat.scan(english, start(english))["Location"] == "/login/weixin/phone/"
    assert "_auth_user_id" not in english.session


def test_no_token_is_kept_and_no_more_of_the_profile_than_the_nickname(english, wechat, bound):
    wechat.nickname = "小\u202e林\n" + "x" * 100
    wechat.scan(english, start(english))
    assert not SocialToken.objects.exists()
    kept = SocialAccount.objects.get()
    assert kept.extra_data == {"nickname": "小林" + "x" * 62}
    assert "72_SECRET" not in json.dumps(dict(english.session.items()))


def test_the_unionid_counts_before_the_openid(english, wechat, bound):
    wechat.openid = "another-app-s-openid"
    assert wechat.scan(english, start(english))["Location"] == "/"


def test_without_a_unionid_the_openid_counts(english, wechat, bound):
    wechat.unionid = ""
    assert wechat.scan(english, start(english))["Location"] == "/login/weixin/phone/"
    SocialAccount.objects.update(uid=wechat.openid)
    assert wechat.scan(english, start(english))["Location"] == "/"


def test_a_binding_by_openid_becomes_one_by_unionid(english, wechat, bound):
    SocialAccount.objects.update(uid=wechat.openid)
    assert wechat.scan(english, start(english))["Location"] == "/"
    assert SocialAccount.objects.get().uid == wechat.unionid


def test_the_unionid_wins_over_the_openid(english, wechat, bound, charlie):
    SocialAccount.objects.create(user=charlie, provider="weixin", uid=wechat.openid)
    wechat.scan(english, start(english))
    assert english.session["_auth_user_id"] == str(bound.pk)
    assert SocialAccount.objects.get().user == bound


WRONG = {
    "an errcode": {"errcode": 40029, "errmsg": "invalid code"},
    "an errcode beside a token": {"errcode": 40163, "access_token": "72_SECRET-TOKEN", "openid": "o"},
    "no openid": {"access_token": "72_SECRET-TOKEN"},
    "an empty openid": {"access_token": "72_SECRET-TOKEN", "openid": ""},
    "an openid that is none": {"access_token": "72_SECRET-TOKEN", "openid": {"a": 1}},
    "a number for a token": {"access_token": 5, "openid": "o"},
    "a list": ["access_token", "openid"],
    "a number": 5,
    "null": b"null",
    "nothing": b"",
    "a page": b"<html>502 Bad Gateway</html>",
    "bytes": b"\xff\xfe\x00",
    "half": b'{"access_token": "72_SECR',
    "a timeout": requests.Timeout("https://api.weixin.qq.com/?access_token=72_SECRET-TOKEN"),
    "a refusal": requests.ConnectionError("refused"),
    "endless redirects": requests.TooManyRedirects("again"),
}


@pytest.mark.parametrize("part", ["token", "profile"])
@pytest.mark.parametrize("response", WRONG.values(), ids=WRONG)
def test_an_invalid_response_signs_nobody_in(english, wechat, bound, part, response, caplog):
    setattr(wechat, part, response)
    with caplog.at_level(logging.DEBUG):
        answer = wechat.scan(english, start(english))
    assert answer.status_code == 400
    assert "WeChat couldn't confirm who scanned" in answer.text
    assert 'data-state="failed"' in answer.text
    assert "_auth_user_id" not in english.session
    assert "wechat" not in english.session
    assert "72_SECRET" not in answer.text
    assert "72_SECRET" not in caplog.text
    assert "failed" in caplog.text


def test_another_person_s_profile_signs_nobody_in(english, wechat, bound):
    wechat.profile = {"openid": "somebody-else", "unionid": wechat.unionid, "nickname": "x"}
    assert wechat.scan(english, start(english)).status_code == 400
    assert "_auth_user_id" not in english.session


def test_an_overlong_identifier_is_refused(english, wechat):
    wechat.openid, wechat.unionid = "o" * 513, ""
    assert wechat.scan(english, start(english)).status_code == 400


@pytest.mark.parametrize("length", [191, 192])
def test_a_long_unionid_fails_kindly(english, wechat, length):
    wechat.unionid = "u" * length
    assert wechat.scan(english, start(english)).status_code == (303 if length == 191 else 400)


@pytest.mark.parametrize("params", [{"error": "access_denied"}, {}])
def test_declining_in_wechat_shows_a_message(english, wechat, bound, params):
    state = state_of(start(english))
    answer = english.get(CALLBACK, {"state": state, **params})
    assert 'data-state="cancelled"' in answer.text
    assert answer.status_code == 400
    assert f'action="{PATH}"' in answer.text
    assert "_auth_user_id" not in english.session


@pytest.mark.parametrize("state", [None, "", "made-up"])
def test_an_answer_we_did_not_ask_for_is_refused(english, wechat, bound, state):
    wechat.codes["c"] = wechat.openid
    answer = english.get(CALLBACK, {"code": "c"} | ({"state": state} if state is not None else {}))
    assert answer.status_code == 400
    assert 'data-state="expired"' in answer.text
    assert wechat.seen == []
    assert "_auth_user_id" not in english.session


def test_an_answer_to_another_browser_is_refused(english, wechat, bound):
    answer = wechat.scan(Client(), start(english))
    assert answer.status_code == 400
    assert wechat.seen == []


def test_an_answer_counts_once(english, wechat, bound):
    asked = start(english)
    assert wechat.scan(english, asked).status_code == 303
    english.post("/logout/")
    assert wechat.scan(english, asked).status_code == 400


@pytest.mark.parametrize(("seconds", "status"), [(599, 303), (601, 400)])
def test_a_scan_may_take_ten_minutes(english, wechat, bound, seconds, status):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        asked = start(english)
        clock.shift(seconds)
        assert wechat.scan(english, asked).status_code == status


def test_a_host_header_does_not_move_the_callback(english, wechat, settings):
    settings.ALLOWED_HOSTS = ["*"]
    answer = english.post(PATH, headers={"host": "evil.example"})
    assert "evil" not in answer["Location"]


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_next_stays_on_this_host(english, wechat, bound, next_page):
    assert wechat.scan(english, start(english, next=next_page))["Location"] == "/"


def test_another_persons_session_ends(client_of, wechat, bound, charlie):
    browser = client_of(charlie)
    wechat.scan(browser, start(browser))
    assert browser.session["_auth_user_id"] == str(bound.pk)
    assert "enterprise" not in browser.session


@pytest.mark.parametrize("path", [PATH, "/mailbox/devices/weixin/bind/", "/mailbox/devices/weixin/1/unbind/"])
def test_actions_answer_get_by_a_redirect(client_of, wechat, alice, path):
    assert client_of(alice).get(path).status_code == 302


def test_a_form_from_elsewhere_is_refused(wechat):
    assert Client(enforce_csrf_checks=True).post(PATH).status_code == 403


@pytest.mark.parametrize("name", ["", "callback/", "phone/", "code/", "code/send/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_where_the_operator_has_no_wechat_there_is_none(english, method, name):
    assert getattr(english, method)(PATH + name).status_code == 404


def test_where_there_is_none_no_page_speaks_of_it(client_of, alice):
    assert "WeChat" not in client_of(alice).get("/mailbox/devices/").text
