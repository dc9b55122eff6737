"""Which users and members a phone number finds."""

import pytest

from conftest import build_member
from directory.entry.phone_lookup import enterprises_of


def test_a_phone_finds_members_who_may_enter_or_join(lin, wang, tenant):
    assert enterprises_of("+8613800138001") == [tenant.enterprise]
    assert enterprises_of("+8613800138002") == [tenant.enterprise]


@pytest.mark.parametrize("why", ["disabled", "deleted", "unknown"])
def test_other_next_pages_are_ignored(why, zhao, wang):
    wang.deleted_at = wang.created_at
    wang.save()
    phones = {"disabled": "+8613800138003", "deleted": "+8613800138002", "unknown": "+8613800138999"}
    assert enterprises_of(phones[why]) == []


def test_a_phone_finds_an_administrator_without_a_mailbox(alice, tenant):
    alice.phone = "+8613700137000"
    alice.save()
    assert enterprises_of("+8613700137000") == [tenant.enterprise]


def test_a_phone_finds_several_enterprises(lin, tenant, other_tenant):
    build_member(other_tenant, "林晓", "linxiao", str(lin.phone))
    assert enterprises_of(str(lin.phone)) == [tenant.enterprise, other_tenant.enterprise]


def test_known_and_unknown_cost_the_same_statement(lin, django_assert_num_queries):
    for phone in ("+8613800138001", "+8613800138999"):
        with django_assert_num_queries(1):
            enterprises_of(phone)
