"""The second step of signing in, and the step before the console."""

import re
import time

import pytest
from django.test import Client

from accounts.models import AuditEvent, Role, User
from accounts.second_factor.factors import recovery_codes
from accounts.tests.membership_double import ENTERING_DOUBLE
from accounts.tests.second_factor.test_reauthentication import sent_code
from accounts.tests.test_security import app_code, equip, set_up
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
PATH = "/login/factor/"


@pytest.fixture
def halfway(english, alice):
    """A browser in which Alice, who has an app, has proven her password."""
    equip(alice)
    answer = english.post("/login/password/", {"login": "alice", "password": PASSWORD, "next": "/console/messages/"})
    assert (answer.status_code, answer.url) == (303, PATH)
    return english


def test_the_password_alone_opens_no_session(halfway):
    assert "_auth_user_id" not in halfway.session
    assert halfway.get("/mailbox/devices/").status_code == 302


def test_a_whole_message_can_be_pasted(halfway):
    answer = halfway.post(PATH, {"code": f"【演示公司】验证码：{app_code()}，30 秒内有效。" + "请勿告知他人。" * 20})
    assert (answer.status_code, answer.url) == (303, "/console/messages/")


def test_the_code_opens_the_session_and_redirects(halfway, alice):
    page = halfway.get(PATH).content.decode()
    assert "Alice" in page
    assert 'autocomplete="one-time-code"' in page
    answer = halfway.post(PATH, {"code": app_code()})
    assert (answer.status_code, answer.url) == (303, "/console/messages/")
    assert halfway.session["_auth_user_id"] == str(alice.pk)
    assert halfway.session["method"] == "password"
    assert time.time() - halfway.session["factor_at"] < 5


def test_the_device_is_on_record_under_its_new_key(halfway):
    halfway.post(PATH, {"code": app_code()})
    page = halfway.get("/mailbox/devices/").content.decode()
    assert "This device" in page


def test_a_recovery_code_is_accepted_and_the_rest_counted(halfway, alice):
    answer = halfway.post(PATH, {"code": recovery_codes(alice)[0]})
    assert answer.status_code == 303
    assert "9 left" in halfway.get("/mailbox/factors/").content.decode()


@pytest.mark.parametrize("code", ["", "000000", "0000000000", "12", "x" * 65, "\x00"])
def test_a_wrong_code_is_refused(halfway, code):
    answer = halfway.post(PATH, {"code": code})
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    assert "_auth_user_id" not in halfway.session


def test_the_sixth_wrong_code_is_not_checked(halfway):
    assert [halfway.post(PATH, {"code": "000000"}).status_code for _ in range(6)] == [422] * 5 + [429]
    answer = halfway.post(PATH, {"code": app_code()})
    assert 890 <= int(answer["Retry-After"]) <= 900


def test_a_fresh_browser_does_not_reset_the_count(halfway, alice):
    for _ in range(5):
        halfway.post(PATH, {"code": "000000"})
    other = Client()
    other.post("/login/password/", {"login": "alice", "password": PASSWORD})
    assert other.post(PATH, {"code": app_code()}).status_code == 429


def test_failures_are_recorded_without_the_code(halfway, alice):
    halfway.post(PATH, {"code": "123456"})
    event = AuditEvent.objects.get(action="second_factor_failed")
    assert event.target_id == str(alice.pk)
    assert "123456" not in str(event.personal)


def test_the_page_requires_a_first_factor(client, alice):
    equip(alice)
    assert client.get(PATH).url == "/login/"
    assert client.post(PATH, {"code": app_code()}).url == "/login/"


def test_a_pending_sign_in_expires_after_15_minutes(halfway):
    session = halfway.session
    session["account_login"]["initiated_at"] -= 15 * 60 + 1
    session.save()
    assert halfway.get(PATH).url == "/login/"


def test_a_person_disabled_meanwhile_does_not_get_in(halfway):
    User.objects.update(is_active=False)
    assert halfway.post(PATH, {"code": app_code()}).status_code == 302
    assert "_auth_user_id" not in halfway.session


def test_another_sign_in_discards_the_pending_one(halfway, tenant, lin, client_of):
    halfway.post("/login/", {"phone": "13800138001"})
    session = halfway.session
    assert "account_login" in session
    halfway.post("/login/code/", {"code": sent_code()})
    assert "account_login" not in halfway.session


def test_a_session_by_phone_is_let_into_the_console_under_a_new_key(client_of, alice):
    equip(alice)
    browser = client_of(alice, method="qr")
    before = browser.session.session_key
    answer = browser.post(PATH, {"code": app_code(), "next": "/console/messages/"})
    assert answer.url == "/console/messages/"
    assert browser.session.session_key != before
    assert browser.session["method"] == "qr"
    assert browser.get("/console/messages/").status_code == 200


def test_a_page_elsewhere_is_forgotten(client_of, alice):
    equip(alice)
    assert client_of(alice).post(PATH, {"code": app_code(), "next": "https://evil.example/"}).url == "/"


def test_an_administrator_with_a_phone_sets_up_a_factor_first(english, lin, enterprise, settings):
    """Code, console, asked who they are by another code, an app set up, recovery codes, console."""
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE
    Role.objects.create(user=lin.user, enterprise=enterprise, name="admin")
    english.post("/login/", {"phone": "13800138001"})
    answer = english.post("/login/code/", {"code": sent_code(), "next": "/console/messages/"})
    new = english.get(answer.url).url
    assert new == "/mailbox/factors/new/?next=%2Fconsole%2Fmessages%2F"
    ask = english.get(new).url
    assert ask.startswith("/confirm/?next=")
    english.post(ask, {"proof_send": "1"})
    assert english.post(ask, {"proof": sent_code()}).url == new
    page = english.get(new)
    assert "Administrators need a second factor" in page.content.decode()
    answer, _ = set_up(english, next="/console/messages/")
    assert english.get(answer.url).status_code == 200
    answer = english.post("/mailbox/factors/recovery/kept/", {"next": "/console/messages/"})
    assert english.get(answer.url).status_code == 200


def test_without_a_factor_the_password_signs_in_at_once(english, alice):
    assert english.post("/login/password/", {"login": "alice", "password": PASSWORD}).url == "/"
    assert "factor_at" not in english.session


def test_an_old_csrf_free_link_does_nothing(halfway):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(PATH, {"code": app_code()}).status_code == 403


def test_the_page_says_what_to_do_without_app_and_codes(halfway):
    assert re.search(r"administrator of your enterprise can reset", halfway.get(PATH).content.decode())
