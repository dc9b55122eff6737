import pytest
from django.db import IntegrityError

from directory.members.bulk_insert import NewMember, insert_members
from directory.models import Address, Member
from directory.table_statistics import settle_statistics


def new(tenant, number, **fields):
    fields.setdefault("departments", [tenant.east.pk])
    return NewMember(f"乐{number}", f"a{number}", f"p{number}", tenant.domain.pk, f"+86138{number:08d}", **fields)


def test_every_row_becomes_a_member_with_keys_address_and_departments(tenant):
    ids = insert_members(
        tenant.enterprise,
        [
            new(tenant, 1, departments=[tenant.east.pk, tenant.root.pk], aliases=[("other", tenant.domain.pk)]),
            new(tenant, 2, departments=[tenant.market.pk], origin='{"row": 2}'),
        ],
    )
    settle_statistics()
    first, second = Member.objects.order_by("pk")
    assert [first.pk, second.pk] == ids
    assert (first.pinyin, first.initials, first.phone_reversed) == ("yue1", "y1", "1000000083168")
    assert [reading.pinyin for reading in first.readings.all()] == ["le1"]
    assert set(first.departments.all()) == {tenant.east, tenant.root}
    assert first.main_department == tenant.east
    assert [str(one) for one in first.addresses.order_by("pk")] == ["p1@example.com", "other@example.com"]
    assert second.origin == {"row": 2}
    assert second.created_at is not None


def test_departments_count_each_member_once_in_all_that_is_above(tenant):
    insert_members(tenant.enterprise, [new(tenant, 1, departments=[tenant.east.pk, tenant.market.pk]), new(tenant, 2)])
    for department in (tenant.root, tenant.market, tenant.east):
        department.refresh_from_db()
        assert department.members_below == 2


def test_ids_go_on_where_the_database_stands(tenant):
    (first,) = insert_members(tenant.enterprise, [new(tenant, 1)])
    made = Member.objects.create(
        enterprise=tenant.enterprise, name="x", account="x", phone="+8613900000000", main_department=tenant.root
    )
    (second,) = insert_members(tenant.enterprise, [new(tenant, 2)])
    assert first < made.pk < second


def test_a_row_that_breaks_a_constraint_leaves_nothing_of_its_chunk(tenant):
    with pytest.raises(IntegrityError):
        insert_members(tenant.enterprise, [new(tenant, 1), new(tenant, 2, aliases=[("p1", tenant.domain.pk)])])
    assert not Member.objects.exists()
    assert not Address.objects.exists()
