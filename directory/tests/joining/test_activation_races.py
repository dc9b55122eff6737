"""Fifty hands with one activation code: one joins."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent, User
from conftest import build_member, build_tenant
from directory.joining.activation import activate_member
from directory.joining.activation_codes import find_code, issue_code
from directory.models import ActivationCode, Member

HANDS = 50

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


@pytest.fixture
def member(db):
    return build_member(build_tenant("示例科技", "example.com"), "周工", "zhou", None, activation="code")


def all_at_once(action):
    gate = Barrier(HANDS)

    def one(number):
        gate.wait()
        try:
            return action(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(HANDS) as pool:
        return list(pool.map(one, range(HANDS)))


def test_a_code_used_fifty_times_at_once_admits_one(member):
    id = find_code(issue_code(member, by=command_actor())).pk

    def use(number):
        try:
            return activate_member(id, password=f"password-of-{number}", by=command_actor()).pk
        except ValidationError:
            return None

    joined = [user for user in all_at_once(use) if user]
    assert len(joined) == 1
    assert Member.objects.get().user_id == joined[0]
    assert (User.objects.count(), AuditEvent.objects.filter(action="member_joined").count()) == (1, 1)


def test_of_fifty_codes_made_at_once_one_lives(member):
    codes = all_at_once(lambda _number: issue_code(member, by=command_actor()))
    assert len(set(codes)) == HANDS
    assert sum(find_code(code) is not None for code in codes) == 1
    assert ActivationCode.objects.filter(revoked_at=None).count() == 1


def test_of_fifty_wrong_codes_from_one_browser_at_once_ten_are_looked_at(member, settings):

    def guess(_number):
        client = Client()
        client.cookies["browser"] = "A" * 22
        return client.post("/i/code/", {"account": "zhou", "code": "AAAA-AAAA-AAAA"}).status_code

    answers = all_at_once(guess)
    assert answers.count(422) == settings.ACTIVATION_FAILURES_PER_BROWSER
    assert answers.count(429) == HANDS - settings.ACTIVATION_FAILURES_PER_BROWSER
