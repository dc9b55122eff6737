"""The bin and another hand at the same moment: one is first, and the other sees it."""

import pytest
from django.core.exceptions import ValidationError

from accounts.audit.recording import command_actor
from conftest import build_member, build_tenant
from directory.joining.actions import join_member
from directory.members.actions import create_member
from directory.members.recycle_bin import delete_members, restore_members
from directory.models import Member
from directory.tests import racing

ROUNDS = 20
BY = command_actor()

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(*actions):
    return racing.at_once(*actions, refusals=(ValidationError,))


def test_a_member_deleted_while_joining_is_in_the_bin_without_a_user():
    tenant = build_tenant("示例科技", "example.com")
    for number in range(ROUNDS):
        member = build_member(tenant, "李四", f"p{number}", f"+861390013{number:04}")
        deleted, _joined = at_once(
            lambda member=member: delete_members(tenant.enterprise, [member.pk], by=BY),
            lambda member=member: join_member(Member.objects.get(pk=member.pk), phone=str(member.phone), by=BY),
        )
        member.refresh_from_db()
        assert deleted == 1
        assert (member.deleted_at is not None, member.user, member.status) == (True, None, "pending")
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 0


def test_a_phone_taken_while_its_owner_is_restored_has_one_holder():
    tenant = build_tenant("示例科技", "example.com")
    for number in range(ROUNDS):
        phone = f"+861390013{number:04}"
        member = build_member(tenant, "李四", f"p{number}", phone)
        delete_members(tenant.enterprise, [member.pk], by=BY)
        (restored,), created = at_once(
            lambda member=member: restore_members(tenant.enterprise, [member.pk], by=BY),
            lambda phone=phone, number=number: create_member(
                tenant.enterprise, by=BY, name="新人", domain=tenant.domain, prefix=f"x{number}", phone=phone
            ),
        )
        assert Member.objects.present().filter(phone=phone).count() == 1
        is_created = isinstance(created, Member)
        assert (restored.phone_holder is not None) == is_created
        if not is_created:
            assert "李四" in created.message_dict["phone"][0]


def test_one_of_two_concurrent_deletions_or_restores_succeeds():
    tenant = build_tenant("示例科技", "example.com")
    member = build_member(tenant, "李四", "lisi", "+8613900130000")
    deleted = at_once(*[lambda: delete_members(tenant.enterprise, [member.pk], by=BY)] * 8)
    restored = at_once(*[lambda: len(restore_members(tenant.enterprise, [member.pk], by=BY))] * 8)
    assert (sum(deleted), sum(restored)) == (1, 1)
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 1
