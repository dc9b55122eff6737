"""Joining: which user a member gets, and that a member joins once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import AuditEvent, User
from conftest import audit_events, build_member, build_tenant
from directory.joining.actions import join_member
from directory.joining.invitations import invite_member
from directory.models import Member
from sms.models import Message

SELF = Actor(user=None, name="王芳", via="member")


def test_a_pending_member_becomes_active_with_a_user_of_the_proven_phone(wang):
    user = join_member(wang, phone="+8613800138002", by=SELF)

    wang.refresh_from_db()
    assert (wang.status, wang.user) == ("active", user)
    assert user.phone == "+8613800138002"
    assert not user.has_usable_password()
    assert wang.joined_at == wang.last_entered_at
    assert audit_events().get().action == "member_joined"


def test_the_user_of_that_phone_is_found_again_in_a_second_enterprise(lin, other_tenant):
    second = build_member(other_tenant, "林晓", "lin", str(lin.phone))
    assert join_member(second, phone=str(lin.phone), by=SELF) == lin.user
    assert User.objects.filter(phone=lin.phone).count() == 1


def test_joining_uses_the_link_up_and_stops_its_message(wang):
    invitation = invite_member(wang, by=SELF)
    join_member(wang, phone=str(wang.phone), by=SELF)
    invitation.refresh_from_db()
    assert invitation.used_at
    assert Message.objects.get().state == "cancelled"


@pytest.mark.parametrize(
    "change",
    [
        {"status": "disabled"},
        {"status": "active"},
        {"phone": "+8613800138009"},
        {"deleted_at": timezone.now()},
    ],
)
def test_change_since_the_code_was_sent_prevents_joining(wang, change):
    Member.objects.filter(pk=wang.pk).update(**change)
    with pytest.raises(ValidationError):
        join_member(wang, phone="+8613800138002", by=SELF)
    assert not User.objects.filter(roles=None).exists()
    assert not audit_events().exists()


def test_deactivated_user_cannot_join(wang):
    User.objects.create(phone=str(wang.phone), is_active=False)
    with pytest.raises(ValidationError):
        join_member(wang, phone=str(wang.phone), by=SELF)
    wang.refresh_from_db()
    assert wang.status == "pending"


def test_long_absent_member_returns_by_a_link(lin):
    Member.objects.filter(pk=lin.pk).update(last_entered_at=timezone.now() - timedelta(days=180))
    with pytest.raises(ValidationError):
        join_member(lin, phone=str(lin.phone), by=SELF)
    lin.refresh_from_db()
    link = invite_member(lin, by=SELF)
    assert join_member(lin, phone=str(lin.phone), by=SELF, link=link) == lin.user
    lin.refresh_from_db()
    assert timezone.now() - lin.last_entered_at < timedelta(minutes=1)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_concurrent_requests_joins():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    tenant = build_tenant("示例科技", "example.com")
    wang = build_member(tenant, "王芳", "wangfang", "+8613800138002")
    invite_member(wang, by=SELF)
    joined, refused, start = [], [], threading.Barrier(50)

    def join():
        start.wait()
        try:
            joined.append(join_member(Member.objects.get(pk=wang.pk), phone="+8613800138002", by=SELF))
        except ValidationError as refusal:
            refused.append(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=join) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(joined), len(refused)) == (1, 49)
    assert User.objects.count() == 1
    assert AuditEvent.objects.filter(action="member_joined").count() == 1
