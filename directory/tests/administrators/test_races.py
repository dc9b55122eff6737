"""Concurrent changes to two owners: one owner always remains."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.audit.recording import Actor
from accounts.audit.verification import verify_chain
from accounts.models import Role
from conftest import audit_events, build_tenant, build_user
from directory.administrators.actions import appoint_newcomer, change_role, remove_administrator

HANDS = 50

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


def remove(role, by):
    remove_administrator(role, by=by)


def lower(role, by):
    change_role(role, name="auditor", by=by)


@pytest.mark.parametrize("action", [remove, lower])
@pytest.mark.parametrize("is_other", [True, False], ids=["each the other", "each themselves"])
def test_of_two_owners_one_remains(action, is_other):
    tenant, gate = build_tenant("示例科技", "example.com"), Barrier(HANDS)
    owners = [build_user(name, tenant, "owner") for name in ("alice", "olga")]
    roles = [owner.roles.select_related("enterprise", "user").get() for owner in owners]

    def click(number: int) -> bool:
        author = owners[number % 2]
        role = roles[(number + is_other) % 2]
        gate.wait()
        try:
            action(role, Actor(user=author, name=author.name))
        except (ValidationError, PermissionDenied):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(HANDS) as pool:
        list(pool.map(click, range(HANDS)))
    assert Role.objects.filter(name="owner").count() == 1
    assert audit_events().count() == 1
    assert verify_chain(tenant.enterprise.pk) is None


def test_one_of_fifty_appointments_with_the_same_login_succeeds():
    tenant, gate = build_tenant("示例科技", "example.com"), Barrier(HANDS)
    alice = build_user("alice", tenant, "owner")

    def appoint(number: int) -> list[str]:
        details = {"person": f"人{number}", "login": "same", "password": "a long enough secret", "name": "auditor"}
        gate.wait()
        try:
            appoint_newcomer(tenant.enterprise, by=Actor(user=alice, name="Alice"), **details)
        except ValidationError as refused:
            return list(refused.error_dict)
        finally:
            connection.close()
        return []

    with ThreadPoolExecutor(HANDS) as pool:
        answers = list(pool.map(appoint, range(HANDS)))
    assert sorted(answers) == [[]] + [["login"]] * (HANDS - 1)
    assert Role.objects.filter(user__login="same").count() == audit_events().count() == 1
