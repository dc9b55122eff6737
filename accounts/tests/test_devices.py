"""Devices: a person sees where they are signed in and ends it, one or all; never another's."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.clients import describe_browser
from accounts.models import AuditEvent
from accounts.sign_in.sessions import delete_expired_sessions
from accounts.tests.membership_double import ENTERING_DOUBLE
from conftest import PASSWORD, audit_events

pytestmark = pytest.mark.django_db
PATH = "/mailbox/devices/"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.fixture(autouse=True)
def _enter(settings):
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE


def sign_in(login="alice", user_agent=CHROME):
    browser = Client(headers={"accept-language": "en", "user-agent": user_agent})
    assert browser.post("/login/password/", {"login": login, "password": PASSWORD}).status_code == 303
    return browser


def session_of(browser):
    return UserSession.objects.get(session_key=browser.session.session_key)


def test_every_device_is_listed_in_words_this_one_first(alice):
    phone, desk = sign_in(user_agent=IPHONE), sign_in()
    page = desk.get(PATH).content.decode()
    assert page.index("Chrome on Windows") < page.index("This device") < page.index("Safari on iPhone")
    assert page.count("data-id=") == 2
    assert "This device" in phone.get(PATH).content.decode()


def test_only_one_s_own_devices_are_listed(alice, charlie):
    sign_in("charlie", IPHONE)
    assert b"iPhone" not in sign_in().get(PATH).content


def test_a_session_that_is_over_is_not_listed_and_later_purged(alice):
    phone, desk = sign_in(user_agent=IPHONE), sign_in()
    Session.objects.filter(session_key=phone.session.session_key).update(expire_date=timezone.now())
    assert b"iPhone" not in desk.get(PATH).content
    assert UserSession.objects.count() == 2
    delete_expired_sessions()
    assert UserSession.objects.get() == session_of(desk)


def test_signing_one_device_out_leaves_the_others(alice, enterprise):
    phone, desk = sign_in(user_agent=IPHONE), sign_in()
    response = desk.post(f"{PATH}{session_of(phone).pk}/end/")
    assert (response.status_code, response.url) == (303, PATH)
    assert phone.get(PATH).status_code == 302
    assert desk.get(PATH).status_code == 200
    event = AuditEvent.objects.get(action="device_signed_out")
    assert (event.enterprise, event.actor_user_id) == (enterprise, alice.pk)


def test_signing_out_this_device_redirects_to_sign_in(alice):
    desk = sign_in()
    response = desk.post(f"{PATH}{session_of(desk).pk}/end/")
    assert (response.status_code, response.url) == (303, "/login/")
    assert desk.get(PATH).status_code == 302


def test_another_person_s_device_is_not_found(alice, charlie):
    theirs = sign_in("charlie")
    assert sign_in().post(f"{PATH}{session_of(theirs).pk}/end/").status_code == 404
    assert theirs.get(PATH).status_code == 200


@pytest.mark.parametrize("id", [0, 10**30])
def test_a_device_that_never_was_is_not_found(alice, id):
    assert sign_in().post(f"{PATH}{id}/end/").status_code == 404


def test_signing_out_everywhere_ends_this_one_too(alice, charlie):
    browsers, other = [sign_in(), sign_in(), sign_in(user_agent=IPHONE)], sign_in("charlie")
    response = browsers[0].post(f"{PATH}end/")
    assert (response.status_code, response.url) == (303, "/login/")
    assert [browser.get(PATH).status_code for browser in browsers] == [302, 302, 302]
    assert other.get(PATH).status_code == 200
    assert audit_events().get().action == "signed_out_everywhere"


def test_signing_out_ends_the_session(alice):
    desk = sign_in()
    key = desk.session.session_key
    assert desk.post("/logout/").url == "/login/"
    assert not Session.objects.filter(session_key=key).exists()
    assert not UserSession.objects.exists()


def test_signing_out_twice_is_harmless(client):
    assert client.post("/logout/").status_code == 303


def test_last_seen_moves_once_a_minute(alice):
    desk = sign_in()
    then = timezone.now() - timedelta(minutes=5)
    UserSession.objects.update(last_seen_at=then)
    desk.get(PATH)
    assert session_of(desk).last_seen_at == then
    session = desk.session
    session["seen_at"] -= 60
    session.save()
    desk.get(PATH)
    assert session_of(desk).last_seen_at > then


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (IPHONE, ("Safari", "iPhone")),
        (CHROME, ("Chrome", "Windows")),
        (CHROME + " Edg/140.0.0.0", ("Edge", "Windows")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", ("Firefox", "Linux")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15", ("Safari", "macOS")),
        ("Mozilla/5.0 (Linux; Android 15; K) Chrome/140.0.0.0 Mobile Safari/537.36", ("Chrome", "Android")),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/126.0 Mobile MicroMessenger/8.0.60", ("WeChat", "Android")),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile HuaweiBrowser/5.1.5", ("Huawei Browser", "HarmonyOS")),
        ("curl/8.1", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_user_agent_is_described_in_words(user_agent, words):
    assert describe_browser(user_agent) == words


@pytest.mark.parametrize("path", [f"{PATH}end/", f"{PATH}1/end/", "/logout/"])
def test_a_deed_is_no_get(alice, path):
    assert sign_in().get(path).status_code == 302


@pytest.mark.parametrize("path", [PATH, f"{PATH}end/", f"{PATH}1/end/"])
def test_nobody_is_sent_to_sign_in(client, path):
    method = client.get if path == PATH else client.post
    assert method(path).url.startswith("/login/?next=")


@pytest.mark.parametrize("path", [f"{PATH}end/", f"{PATH}1/end/", "/logout/"])
def test_a_form_from_elsewhere_is_refused(path):
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403


@pytest.mark.parametrize(("user_agent", "is_offered"), [(CHROME, True), (IPHONE, False)])
def test_binding_wechat_is_offered_where_its_code_can_be_scanned(alice, settings, user_agent, is_offered):
    settings.HAS_WECHAT, settings.WEIXIN_APP_ID = True, "wx-test"
    page = sign_in(user_agent=user_agent).get(PATH).text
    assert ("Link WeChat" in page) == is_offered
