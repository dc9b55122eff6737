"""Actions on sessions and QR codes at the same moment, on PostgreSQL.

Each locks the enterprise's chain before any other row, so that no two of them deadlock.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, QrSignIn, ScannedSession, User
from accounts.tests.lock_order import chains_of, locks_chain_first, recorded_locks
from accounts.tests.qr_sign_in.people import OFFICE, OFFICE_TOO, at, path
from accounts.tests.sessions import open_sessions
from conftest import build_member, build_tenant
from directory.tests.racing import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 20
DEVICES = "/mailbox/devices/"


@pytest.fixture(autouse=True)
def _many_approvals(settings):
    settings.ACCOUNTS_QR_APPROVALS_PER_HOUR = 1000


class Person:
    """Somebody inside two enterprises, who acts from as many phones and has as many devices and codes as asked for."""

    def __init__(self, client_of):
        self.client_of = client_of
        self.tenants = [build_tenant("示例科技", "example.com"), build_tenant("另一家", "example.org")]
        self.user = User.objects.create_user(phone="+8613800138001", name="林晓")
        for tenant in self.tenants:
            build_member(tenant, "林晓", "linxiao", "+8613800138001", status="active", user=self.user)

    def phone(self, place: int = 0) -> Client:
        """Signed in to one of the two enterprises."""
        phone = self.client_of(self.user, method="code", enterprise=self.tenants[place].enterprise)
        key, data = phone.session.session_key, {"browser": "mark"}
        UserSession.objects.create(user=self.user, session_key=key, ip=OFFICE_TOO, data=data)
        return at(phone, OFFICE_TOO)

    def device(self) -> UserSession:
        """A browser that was signed in by scanning."""
        (device,) = open_sessions(self.user, self.tenants[0].enterprise)
        ScannedSession.objects.create(session=device)
        return device

    def code(self, state: str, place: int = 0, **fields: object) -> QrSignIn:
        """A code in this state, approved in one of the two enterprises."""
        now = timezone.now()
        times = {"created_at": now, "expires_at": now + timedelta(seconds=60)}
        user = None if state == "new" else self.user
        approved = {"enterprise": self.tenants[place].enterprise, "session_key": "s"} if state == "claimed" else {}
        return QrSignIn.objects.create(state=state, user=user, ip=OFFICE, browser="b", **times, **approved, **fields)


def session_of(phone):
    return UserSession.objects.get(session_key=phone.session.session_key)


@pytest.fixture
def person(client_of, transactional_db):
    return Person(client_of)


def trust(device):
    return f"{DEVICES}{device.pk}/know/"


def end(device):
    return f"{DEVICES}{device.pk}/end/"


END_ALL = f"{DEVICES}end/"


# --- what is locked first

ACTIONS = {
    "trust_device": lambda person, phone: trust(person.device()),
    "end_device": lambda person, phone: end(person.device()),
    "end_device of its own": lambda person, phone: end(session_of(phone)),
    "end_all_devices": lambda person, phone: END_ALL,
    "scan_code": lambda person, phone: path(person.code("new"), "scan/"),
    "approve_code": lambda person, phone: path(person.code("scanned"), "approve/"),
    "decline_code, not used yet": lambda person, phone: path(person.code("scanned"), "decline/"),
    "decline_code, used": lambda person, phone: path(person.code("claimed", device=person.device()), "decline/"),
    "decline_code, used in another enterprise": lambda person, phone: path(
        person.code("claimed", 1, device=person.device()), "decline/"
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_chain_is_locked_before_any_other_row(person, action):
    phone = person.phone()
    url = ACTIONS[action](person, phone)
    with recorded_locks() as transactions:
        assert phone.post(url).status_code == 303
    recording = [locks for locks in transactions if chains_of(locks)]
    assert recording
    assert [locks for locks in recording if not locks_chain_first(locks)] == []


# --- pairs at once


def race(*posts):
    """Send these posts at once, each pausing after its first lock. Return the statuses; a deadlock is an error."""

    def send(browser, url):
        with recorded_locks(pause_seconds=0.02):
            return browser.post(url).status_code

    return at_once(*(partial(send, *post) for post in posts))


def signed_out():
    return AuditEvent.objects.filter(action="device_signed_out").count()


def test_trusting_and_ending_a_device_do_not_deadlock(person):
    phones = person.phone(), person.phone()
    for _round in range(ROUNDS):
        device = person.device()
        trusted, ended = race((phones[0], trust(device)), (phones[1], end(device)))
        assert trusted in {303, 404}
        assert ended == 303
    assert not ScannedSession.objects.exists()
    assert signed_out() == ROUNDS


def test_declining_a_used_code_and_ending_its_device_do_not_deadlock(person):
    phones = person.phone(), person.phone()
    for _round in range(ROUNDS):
        device = person.device()
        code = person.code("claimed", device=device)
        declined, ended = race((phones[0], path(code, "decline/")), (phones[1], end(device)))
        assert declined == 303
        assert ended in {303, 404}
    assert not ScannedSession.objects.exists()


def test_declining_two_codes_from_each_others_enterprise_does_not_deadlock(person):
    phones = person.phone(0), person.phone(1)
    for _round in range(ROUNDS):
        codes = [person.code("claimed", place, device=person.device()) for place in (1, 0)]
        urls = [path(code, "decline/") for code in codes]
        assert race(*zip(phones, urls, strict=True)) == [303, 303]
    assert not ScannedSession.objects.exists()
    assert signed_out() == 2 * ROUNDS


@pytest.mark.parametrize(("state", "action"), [("new", "scan/"), ("scanned", "approve/")])
def test_going_on_with_a_code_and_declining_it_do_not_deadlock(person, state, action):
    phones = person.phone(), person.phone()
    for _round in range(ROUNDS):
        code = person.code(state)
        answers = race((phones[0], path(code, action)), (phones[1], path(code, "decline/")))
        assert set(answers) <= {303, 404, 410}
        code.refresh_from_db()
        assert code.state in {"scanned", "approved", "declined"}


def test_ending_all_devices_and_trusting_one_do_not_deadlock(person):
    for _round in range(ROUNDS):
        phones, device = (person.phone(), person.phone()), person.device()
        ended, trusted = race((phones[0], END_ALL), (phones[1], trust(device)))
        assert ended == 303
        assert trusted in {302, 303, 400, 404}
        assert not UserSession.objects.exists()


def test_ending_all_devices_from_two_enterprises_does_not_deadlock(person):
    for _round in range(ROUNDS):
        phones = person.phone(0), person.phone(1)
        for _device in range(5):
            person.device()
        assert set(race(*((phone, END_ALL) for phone in phones))) <= {302, 303, 400}
        assert not UserSession.objects.exists()


def test_ending_one_device_from_two_enterprises_does_not_deadlock(person):
    """One of the two is that device: it ends its own session, the other ends a session elsewhere."""
    for _round in range(ROUNDS):
        phones = person.phone(0), person.phone(1)
        answers = race(*((phone, end(session_of(phones[1]))) for phone in phones))
        assert set(answers) <= {302, 303, 400, 404}
    assert signed_out() == ROUNDS
