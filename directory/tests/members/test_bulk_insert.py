import pytest
from django.db import IntegrityError

from directory.members.bulk_insert import NewMember, insert_members
from directory.members.data import MemberData
from directory.models import Address, Member
from directory.table_statistics import settle_statistics


def new(house, number, **fields):
    origin = fields.pop("origin", "{}")
    fields.setdefault("departments", (house.east.pk,))
    data = MemberData(f"乐{number}", f"a{number}", f"p{number}", house.domain.pk, f"+86138{number:08d}", **fields)
    return NewMember(data, origin=origin)


def test_every_row_becomes_a_member_with_keys_address_and_departments(house):
    ids = insert_members(
        house.enterprise,
        [
            new(house, 1, departments=(house.east.pk, house.root.pk), aliases=(("other", house.domain.pk),)),
            new(house, 2, departments=(house.market.pk,), origin='{"row": 2}'),
        ],
    )
    settle_statistics()
    first, second = Member.objects.order_by("pk")
    assert [first.pk, second.pk] == ids
    assert (first.pinyin, first.initials, first.phone_reversed) == ("yue1", "y1", "1000000083168")
    assert [reading.pinyin for reading in first.readings.all()] == ["le1"]
    assert set(first.departments.all()) == {house.east, house.root}
    assert first.main_department == house.east
    assert [str(one) for one in first.addresses.order_by("pk")] == ["p1@example.com", "other@example.com"]
    assert second.origin == {"row": 2}
    assert second.created_at is not None


def test_departments_count_each_member_once_in_all_that_is_above(house):
    insert_members(house.enterprise, [new(house, 1, departments=(house.east.pk, house.market.pk)), new(house, 2)])
    for department in (house.root, house.market, house.east):
        department.refresh_from_db()
        assert department.members_below == 2


def test_ids_go_on_where_the_database_stands(house):
    (first,) = insert_members(house.enterprise, [new(house, 1)])
    made = Member.objects.create(
        enterprise=house.enterprise, name="x", account="x", phone="+8613900000000", main_department=house.root
    )
    (second,) = insert_members(house.enterprise, [new(house, 2)])
    assert first < made.pk < second


def test_a_row_that_breaks_a_constraint_leaves_nothing_of_its_chunk(house):
    with pytest.raises(IntegrityError):
        insert_members(house.enterprise, [new(house, 1), new(house, 2, aliases=(("p1", house.domain.pk),))])
    assert not Member.objects.exists()
    assert not Address.objects.exists()
