"""Sign-in with WeChat: bound and unbound accounts, pending members, the rule on codes, and unbinding."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import Actor, command_actor
from accounts.models import AuditEvent, User
from accounts.tests.sign_in.test_login import UNLISTED, masked
from accounts.wechat.bindings import Proof, WechatTaken, bind_wechat
from conftest import audit_events, build_member, build_tenant
from directory.joining.actions import join_member
from directory.models import Member
from directory.tests.entry.test_code_rule import joined, phone_codes_age, set_rule
from directory.tests.entry.test_entry import sign_in_by_code
from directory.tests.phone import code_to
from sms.models import Message

pytestmark = pytest.mark.django_db
DEVICES = "/mailbox/devices/"
SELF = Actor(user=None, name="林晓", via="member")


@pytest.fixture
def desk() -> Client:
    return Client(headers={"accept-language": "en"})


def scan(browser, wechat, path="/login/weixin/"):
    return wechat.scan(browser, browser.post(path))


def prove(browser, wechat, number):
    """Scan with an unbound WeChat account and verify the number; return the page that follows."""
    assert scan(browser, wechat)["Location"] == "/login/weixin/phone/"
    assert browser.post("/login/weixin/phone/", {"phone": number})["Location"] == "/login/weixin/code/"
    return browser.post("/login/weixin/code/", {"code": code_to(number)}, follow=True)


def bind(user, wechat, enterprise):
    bind_wechat(user, Proof(uid=wechat.unionid, nickname="小林", at=0), enterprise=enterprise, by=command_actor())


def actions():
    return list(audit_events().order_by("at").values_list("action", flat=True))


def test_an_unknown_wechat_is_bound_once_a_code_has_proven_the_phone(desk, wechat, lin):
    page = prove(desk, wechat, str(lin.phone))
    assert page.wsgi_request.path == "/mailbox/"
    assert "WeChat is linked" in page.text
    account = SocialAccount.objects.get()
    assert (account.user, account.uid, account.extra_data) == (lin.user, wechat.unionid, {"nickname": "小林"})
    assert actions() == ["signed_in", "wechat_bound"]
    assert desk.session["method"] == "code"
    assert "wechat" not in desk.session

    other = Client(headers={"accept-language": "en"})
    assert scan(other, wechat)["Location"] == "/"
    assert other.session["method"] == "wechat"
    assert "linxiao@example.com" in other.get("/mailbox/").text
    signed_in = AuditEvent.objects.filter(action="signed_in").latest("number")
    assert signed_in.personal["after"] == {"method": "wechat"}


def test_the_sms_says_what_the_code_is_for(desk, wechat, lin):
    scan(desk, wechat)
    desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    assert "to link WeChat" in Message.objects.get().text
    page = desk.get("/login/weixin/code/").text
    assert "138****8001" in page
    assert str(lin.phone) not in page


def test_a_pending_member_is_offered_to_join_and_bound_with_it(desk, wechat, wang):
    assert prove(desk, wechat, str(wang.phone)).wsgi_request.path == "/choose/"
    assert not SocialAccount.objects.exists()
    assert not User.objects.filter(roles=None).exists()
    assert desk.post(f"/choose/{wang.pk}/join/")["Location"] == "/mailbox/"
    wang.refresh_from_db()
    assert SocialAccount.objects.get().user == wang.user
    assert "WeChat is linked" in desk.get("/mailbox/").text


def answers_to(wechat, phone):
    browser = Client(headers={"accept-language": "en"})
    scan(browser, wechat)
    for method, path, data in [
        ("post", "/login/weixin/phone/", {"phone": phone}),
        ("get", "/login/weixin/code/", {}),
        ("post", "/login/weixin/code/", {"code": "000000"}),
        ("post", "/login/weixin/code/send/", {}),
    ]:
        answer = getattr(browser, method)(path, data)
        page = masked(answer).replace(phone.encode(), b"").replace(f"{phone[:3]}****{phone[-4:]}".encode(), b"")
        yield answer.status_code, page, sorted(answer.cookies), answer.get("Location"), answer.get("Retry-After")


@time_machine.travel("2026-11-22T09:00:00Z", tick=False)
def test_an_unlisted_number_sees_nothing_different_and_gets_no_sms(wechat, lin):
    """Threat O6."""
    listed = list(answers_to(wechat, "13800138001"))
    before = Message.objects.count()
    assert [status for status, *_ in listed] == [303, 200, 422, 429]
    assert list(answers_to(wechat, UNLISTED)) == listed
    assert Message.objects.filter(to="+86" + UNLISTED.removeprefix("+86")).exclude(state="cancelled").count() == 0
    assert before == 1


@pytest.mark.parametrize("path", ["/login/weixin/phone/", "/login/weixin/code/"])
def test_without_a_scan_there_is_no_number_to_confirm(desk, wechat, path):
    assert desk.get(path)["Location"] == "/login/"
    assert desk.post(path, {"phone": "13800138001", "code": "123456"})["Location"] == "/login/"
    assert desk.post("/login/weixin/code/send/")["Location"] == "/login/"
    assert not Message.objects.exists()


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 302)])
def test_a_scan_is_good_for_ten_minutes(desk, wechat, lin, seconds, status):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        scan(desk, wechat)
        clock.shift(seconds)
        assert desk.get("/login/weixin/phone/").status_code == status


def test_a_code_belongs_to_the_scan_it_was_asked_for(desk, wechat, lin):
    scan(desk, wechat)
    desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    wechat.openid, wechat.unionid = "another", "another-person"
    scan(desk, wechat)
    assert desk.post("/login/weixin/code/", {"code": code_to(lin.phone)})["Location"] == "/login/weixin/phone/"
    assert not SocialAccount.objects.exists()


def test_a_sign_in_without_wechat_binds_no_earlier_scan(desk, wechat, lin):
    """One person scans at a shared computer and leaves; the next one signs in by the plain page."""
    scan(desk, wechat)
    assert sign_in_by_code(desk, str(lin.phone)) == "/mailbox/"
    assert not SocialAccount.objects.exists()


def test_a_proof_of_one_number_binds_no_other(desk, wechat, wang, lin):
    assert prove(desk, wechat, str(wang.phone)).wsgi_request.path == "/choose/"
    assert sign_in_by_code(desk, str(lin.phone)) == "/mailbox/"
    assert not SocialAccount.objects.exists()


def test_a_plain_code_is_no_code_for_the_scan_and_the_other_way_round(desk, wechat, lin):
    scan(desk, wechat)
    desk.post("/login/", {"phone": str(lin.phone)})
    assert desk.post("/login/weixin/code/", {"code": code_to(lin.phone)})["Location"] == "/login/weixin/phone/"
    phone_codes_age(61)
    Client().post("/login/", {"phone": str(lin.phone)})
    desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    assert desk.post("/login/code/", {"code": code_to(lin.phone)}).status_code in {302, 422}
    assert "_auth_user_id" not in desk.session


@pytest.mark.parametrize("code", ["", "000000", "abc"])
def test_a_wrong_code_is_refused_beside_its_field(desk, wechat, lin, code):
    scan(desk, wechat)
    desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    answer = desk.post("/login/weixin/code/", {"code": code})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_too_many_wrong_codes_wait(desk, wechat, lin, settings):
    scan(desk, wechat)
    desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    wrong = "000000" if code_to(lin.phone) != "000000" else "000001"
    for _ in range(settings.SMS_CODE_CHECKS):
        desk.post("/login/weixin/code/", {"code": wrong})
    answer = desk.post("/login/weixin/code/", {"code": code_to(lin.phone)})
    assert answer.status_code == 429
    assert answer["Retry-After"]
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("number", ["", "010-12345678", "12"])
def test_no_number_is_refused_with_what_was_typed(desk, wechat, number):
    scan(desk, wechat)
    answer = desk.post("/login/weixin/phone/", {"phone": number})
    assert answer.status_code == 422
    assert f'value="{number}"' in answer.text or not number


def test_asking_again_within_a_minute_waits(desk, wechat, lin):
    scan(desk, wechat)
    desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    answer = desk.post("/login/weixin/phone/", {"phone": str(lin.phone)})
    assert answer.status_code == 429
    assert "I have a code" in answer.text


# --- and the rule on codes


def test_a_bound_wechat_passes_the_rule(desk, wechat, lin):
    set_rule(lin.enterprise)
    joined(lin, timezone.now())
    bind(lin.user, wechat, lin.enterprise)
    assert scan(desk, wechat)["Location"] == "/"
    assert desk.get("/mailbox/").status_code == 200


def test_a_code_that_may_not_enter_may_not_bind_a_wechat_that_could(desk, wechat, lin, other_tenant):
    set_rule(lin.enterprise)
    joined(lin, timezone.now())
    there = build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    assert prove(desk, wechat, str(lin.phone)).wsgi_request.path == "/choose/"
    assert desk.post(f"/choose/{there.enterprise_id}/").status_code == 303
    assert "linked. One of your enterprises" in desk.get("/mailbox/").text
    assert not SocialAccount.objects.exists()

    # Nor by the button of a session that is inside the other enterprise.
    assert desk.post(f"{DEVICES}weixin/bind/")["Location"] == "/choose/"
    bind(lin.user, wechat, other_tenant.enterprise)
    account = SocialAccount.objects.get()
    assert desk.post(f"{DEVICES}weixin/{account.pk}/unbind/")["Location"] == "/choose/"
    assert SocialAccount.objects.exists()


def test_a_session_that_is_inside_nowhere_binds_and_unbinds_nothing(desk, wechat, lin):
    set_rule(lin.enterprise)
    joined(lin, timezone.now())
    assert sign_in_by_code(desk, str(lin.phone)) == "/choose/"
    assert desk.post(f"{DEVICES}weixin/bind/")["Location"] == "/choose/"
    asked = Client()
    assert asked.post(f"{DEVICES}weixin/bind/")["Location"].startswith("/login/")


def test_a_wechat_bound_before_proves_no_number_for_joining(desk, wechat, lin, other_tenant):
    there = build_member(other_tenant, "别人", "bieren", str(lin.phone))
    bind(lin.user, wechat, lin.enterprise)
    scan(desk, wechat)
    assert desk.get("/mailbox/").status_code == 200
    page = desk.get("/choose/").text
    assert "别人" not in page
    assert "verify it with a code" in page
    assert desk.post(f"/choose/{there.pk}/join/").status_code == 404
    there.refresh_from_db()
    assert there.status == "pending"


def test_after_half_a_year_wechat_opens_no_more_than_a_code(desk, wechat, lin):
    bind(lin.user, wechat, lin.enterprise)
    Member.objects.filter(pk=lin.pk).update(last_entered_at=timezone.now() - timedelta(days=180))
    scan(desk, wechat)
    assert desk.get("/mailbox/")["Location"] == "/choose/"


def test_a_number_given_to_a_new_person_does_not_bring_the_old_one_s_wechat(desk, wechat, lin, other_tenant):
    """The previous owner of the number has left; a new member joins with it."""
    bind(lin.user, wechat, lin.enterprise)
    Member.objects.filter(pk=lin.pk).update(status="disabled")
    new = build_member(other_tenant, "新人", "xinren", str(lin.phone))
    join_member(new, phone=str(lin.phone), by=SELF)
    assert not SocialAccount.objects.exists()
    assert AuditEvent.objects.filter(enterprise=other_tenant.enterprise, action="wechat_unbound").exists()
    assert scan(desk, wechat)["Location"] == "/login/weixin/phone/"


def test_joining_a_second_enterprise_keeps_wechat(wechat, lin, other_tenant):
    bind(lin.user, wechat, lin.enterprise)
    second = build_member(other_tenant, "林晓", "lin", str(lin.phone))
    join_member(second, phone=str(lin.phone), by=SELF)
    assert SocialAccount.objects.get().user == lin.user


# --- on the page of devices


def just_proven(browser):
    """A binding is a credential, and requires a verification of the last ten minutes."""
    session = browser.session
    session["proved_at"] = int(time.time())
    session.save()
    return browser


def test_a_binding_wants_a_fresh_proof(client_of, wechat, lin):
    browser = client_of(lin.user, method="code", enterprise=lin.enterprise)
    asked = browser.post(f"{DEVICES}weixin/bind/")
    assert asked.status_code == 422
    assert not SocialAccount.objects.exists()


def test_a_signed_in_member_binds_and_unbinds_wechat(client_of, wechat, lin):
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    page = browser.get(DEVICES).text
    assert f'action="{DEVICES}weixin/bind/"' in page
    assert scan(browser, wechat, f"{DEVICES}weixin/bind/")["Location"] == DEVICES
    page = browser.get(DEVICES).text
    assert "WeChat is linked" in page
    assert "小林" in page
    account = SocialAccount.objects.get()
    unbind = f"{DEVICES}weixin/{account.pk}/unbind/"
    assert f'action="{unbind}"' in page
    assert "will no longer sign you in" in page

    answer = browser.post(unbind)
    assert (answer.status_code, answer["Location"]) == (303, DEVICES)
    assert "WeChat is unlinked" in browser.get(DEVICES).text
    assert not SocialAccount.objects.exists()
    assert actions() == ["wechat_bound", "wechat_unbound"]
    assert browser.get("/mailbox/").status_code == 200
    assert scan(Client(), wechat)["Location"] == "/login/weixin/phone/"


def test_binding_what_is_bound_changes_nothing(client_of, wechat, lin):
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    for _ in range(2):
        scan(browser, wechat, f"{DEVICES}weixin/bind/")
    assert actions() == ["wechat_bound"]


def test_a_wechat_of_somebody_else_is_not_taken_over(client_of, wechat, lin, alice):
    bind(alice, wechat, lin.enterprise)
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    assert scan(browser, wechat, f"{DEVICES}weixin/bind/")["Location"] == DEVICES
    assert "is already linked to someone else" in browser.get(DEVICES).text
    assert SocialAccount.objects.get().user == alice


def test_a_scan_for_binding_signs_nobody_in(client_of, wechat, lin, alice):
    bind(alice, wechat, lin.enterprise)
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    scan(browser, wechat, f"{DEVICES}weixin/bind/")
    assert browser.session["_auth_user_id"] == str(lin.user.pk)


def test_signing_out_while_scanning_binds_nothing(client_of, wechat, lin):
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    asked = browser.post(f"{DEVICES}weixin/bind/")
    browser.post("/logout/")
    assert wechat.scan(browser, asked).status_code == 400
    assert not SocialAccount.objects.exists()


def test_another_person_s_wechat_is_not_found(client_of, wechat, lin, alice):
    bind(alice, wechat, lin.enterprise)
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    assert browser.post(f"{DEVICES}weixin/{SocialAccount.objects.get().pk}/unbind/").status_code == 404
    assert "小林" not in browser.get(DEVICES).text
    assert SocialAccount.objects.exists()


def test_a_failed_binding_returns_to_the_devices(client_of, wechat, lin):
    browser = just_proven(client_of(lin.user, method="code", enterprise=lin.enterprise))
    wechat.token = {"errcode": -1, "errmsg": "system error"}
    page = scan(browser, wechat, f"{DEVICES}weixin/bind/").text
    assert f'href="{DEVICES}"' in page
    assert f'action="{DEVICES}weixin/bind/"' in page


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_wechat_bound_by_many_at_once_is_bound_to_one():
    assert connection.vendor == "postgresql"
    # Each in an enterprise of their own, so that no enterprise's lock lets them pass one by one.
    people = []
    for number in range(8):
        tenant = build_tenant(f"示例{number}", f"e{number}.example")
        people.append((User.objects.create_user(phone=f"+861380013800{number}"), tenant.enterprise))
    start, outcomes = threading.Barrier(len(people)), []

    def try_to_bind(user, enterprise):
        try:
            start.wait()
            bind_wechat(user, Proof(uid="one", nickname="", at=0), enterprise=enterprise, by=command_actor())
            outcomes.append("bound")
        except WechatTaken:
            outcomes.append("taken")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_to_bind, args=each) for each in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["bound", *["taken"] * 7]
    assert SocialAccount.objects.count() == AuditEvent.objects.filter(action="wechat_bound").count() == 1
