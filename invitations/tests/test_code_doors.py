"""Codes through every door, by HTTP: what strangers do at one stays at that one (docs/limits.md)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client

from accounts.audit.recording import Actor
from accounts.tests.wechat.answers import wechat_of
from conftest import build_member
from directory.joining.invitations import invite_member
from directory.tests.phone import code_to, link_to
from invitations.tests.people import join_path, new_phone
from sms.codes.proof_of_work import Challenge
from sms.models import Door, Message, PhoneAttemptCounter, PhoneCode
from sms.tests.codes.asking import store
from sms.tests.codes.solving import solve

pytestmark = pytest.mark.django_db


@pytest.fixture
def wechat(settings):
    with wechat_of(settings) as double:
        yield double


@pytest.fixture
def invitee(wang, alice) -> Client:
    """Wang's phone, which has opened the personal link."""
    invite_member(wang, by=Actor(user=alice, name="Alice"))
    phone = new_phone()
    phone.get(link_to(wang.phone))
    return phone


def let_pass(**time) -> None:
    """Move all codes, and what was handed over, back in time."""
    gone = timedelta(**time)
    PhoneCode.objects.update(created_at=F("created_at") - gone, expires_at=F("expires_at") - gone)
    Message.objects.update(created_at=F("created_at") - gone, settled_at=F("settled_at") - gone)


def ask_as_stranger(phone: str) -> int:
    """Ask at the sign-in page in a fresh browser. Return the status."""
    return new_phone().post("/login/", {"phone": phone}).status_code


def guess_wrong(phone: str) -> None:
    """Use up a code of the sign-in page."""
    stranger = new_phone()
    assert stranger.post("/login/", {"phone": phone}).status_code == 303
    wrong = f"{(int(code_to(phone)) + 1) % 10**6:06}"
    for _ in range(5):
        assert stranger.post("/login/code/", {"code": wrong}).status_code == 422


def test_one_address_has_no_sms_sent_to_everybody(tenant):
    for number in range(22):
        build_member(tenant, f"同事{number}", f"t{number}", f"+86138{number:04}8001")
    statuses = [ask_as_stranger(f"138{number:04}8001") for number in range(22)]
    assert statuses == [303] * 20 + [429] * 2
    assert Message.objects.filter(kind="code", state="pending").count() == 20


def test_strangers_do_not_use_up_the_codes_of_a_personal_link(wang, invitee):
    for _ in range(6):
        ask_as_stranger(str(wang.phone))
        let_pass(seconds=61)
    assert invitee.post("/i/send/").status_code == 303
    assert invitee.post("/i/join/", {"code": code_to(wang.phone)})["Location"] == "/mailbox/"


def test_wrong_guesses_of_strangers_do_not_reach_a_personal_link(wang, invitee):
    for failures in (5, 95):
        PhoneAttemptCounter.objects.update(failures=failures)
        guess_wrong(str(wang.phone))
        let_pass(seconds=3601)
        assert invitee.post("/i/send/").status_code == 303
        let_pass(seconds=61)
    assert invitee.post("/i/send/").status_code == 303
    assert invitee.post("/i/join/", {"code": code_to(wang.phone)})["Location"] == "/mailbox/"


def flood(phone: str) -> None:
    """Use up what strangers may do with this number in an hour, and close its anonymous door."""
    for number in range(3):
        store(61 + number, phone=phone, address_block=f"198.51.100.{number}")
    PhoneAttemptCounter.objects.update_or_create(phone=phone, door=Door.ANONYMOUS, defaults={"failures": 100})
    assert ask_as_stranger(phone) == 429


def test_a_known_browser_signs_in_meanwhile_by_code_and_at_the_join_link(lin, open_tenant):
    number = str(lin.phone)
    browser = new_phone()
    browser.post("/login/", {"phone": number})
    assert browser.post("/login/code/", {"code": code_to(number)}, follow=True).wsgi_request.path == "/mailbox/"
    browser.post("/logout/")
    let_pass(seconds=61)
    flood(number)
    assert browser.post("/login/", {"phone": number}).status_code == 303
    assert browser.post("/login/code/", {"code": code_to(number)}, follow=True).wsgi_request.path == "/mailbox/"
    let_pass(seconds=61)
    flood(number)
    browser.get(join_path(open_tenant.enterprise))
    assert browser.post("/j/send/", {"phone": number}).status_code == 303
    assert browser.post("/j/code/", {"code": code_to(number)})["Location"] == "/j/"


def test_a_known_browser_is_no_stranger_to_its_owners_number_only(lin, wang):
    browser = new_phone()
    browser.post("/login/", {"phone": str(lin.phone)})
    browser.post("/login/code/", {"code": code_to(lin.phone)}, follow=True)
    flood(str(wang.phone))
    assert browser.post("/login/", {"phone": str(wang.phone)}).status_code == 429


def test_a_signed_in_session_confirms_meanwhile(lin, client_of):
    session = client_of(lin.user, method="code", enterprise=lin.enterprise)
    flood(str(lin.phone))
    page = "/confirm/?next=/mailbox/factors/"
    assert session.post(page, {"proof_send": "1"}).status_code == 200
    assert session.post(page, {"proof": code_to(lin.phone)})["Location"] == "/mailbox/factors/"


def work_in(page: str) -> Challenge:
    """As the script reads it from the page."""
    text = re.search(r'data-work="([^"]+)"', page)[1]
    parts, bits = re.search(r'max="(\d+)"', page)[1], re.search(r'data-work-bits="(\d+)"', page)[1]
    return Challenge(text, int(parts), int(bits))


def test_the_sign_in_pages_take_work_from_a_block_with_many_open_codes(settings, wang, wechat):
    """The number is asked for, and asked for again a minute later, in each browser; without work, it is a limit."""
    settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS = 2, 3
    store(*[100] * 20, address_block="127.0.0.1")
    plain, scanned = new_phone(), new_phone()
    wechat.scan(scanned, scanned.post("/login/weixin/"))
    doors = [
        (plain, "/login/", "/login/code/", "13900139001"),
        (scanned, "/login/weixin/phone/", "/login/weixin/code/", str(wang.phone)),
    ]
    for browser, page, code_page, number in doors:
        refused = browser.post(page, {"phone": number})
        assert (refused.status_code, refused["Retry-After"]) == (429, "500")
        assert f'value="{number}"' in refused.text
        assert refused.text.count("Too many codes are being requested right now. Try again later.") == 1
        answer = browser.post(page, {"phone": number, "work": solve(work_in(refused.text))})
        assert (answer.status_code, answer["Location"]) == (303, code_page)
        let_pass(seconds=60)
        store(*[100] * 20, address_block="127.0.0.1")
        refused = browser.post(f"{code_page}send/")
        assert refused.status_code == 429
        assert browser.post(f"{code_page}send/", {"work": solve(work_in(refused.text))}).status_code == 303
        assert "data-work=" not in browser.get(code_page).text
        PhoneCode.objects.filter(address_block="127.0.0.1").delete()
        store(*[100] * 20, address_block="127.0.0.1")


def test_where_no_code_is_sent_the_page_names_the_ways_that_remain():
    store(*[1000] * 300, address_block="198.51.100.1")
    refused = new_phone().post("/login/", {"phone": "13900139001"})
    assert refused.status_code == 429
    for way in ("browser that you have signed in with", "scan the QR code", "passkey", "administrator"):
        assert way in refused.text
    assert "data-work=" not in refused.text
