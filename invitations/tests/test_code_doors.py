"""Codes through every door, by HTTP: what strangers do at one stays at that one (docs/limits.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client

from accounts.audit.recording import Actor
from conftest import build_member
from directory.joining.invitations import invite_member
from directory.tests.phone import code_to, link_to
from invitations.tests.people import new_phone
from sms.models import Message, PhoneAttemptCounter, PhoneCode

pytestmark = pytest.mark.django_db


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
