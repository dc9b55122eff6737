"""Which numbers may get a sign-in code."""

import pytest

from directory.phone_directory import is_listed


def test_members_who_may_enter_or_join_are_listed(lin, wang, zhao):
    assert is_listed("+8613800138001")
    assert is_listed("+8613800138002")


@pytest.mark.parametrize("why", ["disabled", "deleted", "unknown"])
def test_others_are_not(why, zhao, wang):
    wang.deleted_at = wang.created_at
    wang.save()
    phones = {"disabled": "+8613800138003", "deleted": "+8613800138002", "unknown": "+8613800138999"}
    assert not is_listed(phones[why])


def test_an_administrator_without_a_mailbox_is_listed(alice):
    alice.phone = "+8613700137000"
    alice.save()
    assert is_listed("+8613700137000")


def test_known_and_unknown_cost_the_same_statements(lin, django_assert_num_queries):
    for phone in ("+8613800138001", "+8613800138999"):
        with django_assert_num_queries(2):
            is_listed(phone)
