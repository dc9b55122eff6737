"""Keyset pagination: in both directions and orders, and with keys that make no sense."""

import pytest
from django.db.models import F
from django.http import QueryDict
from django.utils import translation

from accounts.models import User
from core.list_query import ListQuery
from core.pagination import OrderedRows, count_capped, read_page, show_count

pytestmark = pytest.mark.django_db


class TwoUsers(ListQuery):
    page_size = 2


@pytest.fixture
def people():
    for number in range(5):
        User.objects.create_user(login=f"user{number}")
    return list(users().order_by("pk"))


def users():
    return User.objects.filter(roles=None).annotate(rank=F("pk") % 2)


def page(asked="", *, columns=("pk",), is_newest_first=True):
    rows = OrderedRows(users(), columns, is_newest_first=is_newest_first)
    return read_page(rows, TwoUsers(QueryDict(asked)))


@pytest.mark.parametrize("is_newest_first", [True, False])
@pytest.mark.parametrize("columns", [("pk",), ("rank", "pk")])
def test_pages_in_both_directions_show_every_row_once(people, columns, is_newest_first):
    order = {"columns": columns, "is_newest_first": is_newest_first}
    pages, asked = [], ""
    while True:
        read = page(asked, **order)
        pages.append(read.rows)
        if not read.next_url:
            break
        asked = read.next_url[1:]
    in_order = sorted(people, key=lambda user: [getattr(user, name) for name in columns], reverse=is_newest_first)
    assert [user for rows in pages for user in rows] == in_order
    assert [len(rows) for rows in pages] == [2, 2, 1]
    back = [read.rows]
    while read.previous_url:
        read = page(read.previous_url[1:], **order)
        back.append(read.rows)
    assert back[::-1] == pages


def test_a_meaningless_key_shows_the_first_page(people):
    for key in ("", "x", "-1", "1e3", "%C2%B2", "%00", "9" * 40, "1.2.3", "0.", ".1"):
        for side in ("after", "before"):
            assert page(f"{side}={key}").rows == people[:2:-1]
            assert page(f"{side}={key}", columns=("rank", "pk")).rows == page(columns=("rank", "pk")).rows


def test_a_key_beyond_the_end_shows_the_first_page(people):
    first = page()
    for key in (f"before={people[0].pk}", f"after={people[-1].pk}", f"before=0&q={people[0].pk}"):
        assert page(key).rows == first.rows
        assert page(key).previous_url == ""
        assert page(key).next_url.endswith(f"before={people[3].pk}")


def test_a_page_before_the_key_that_would_not_be_full_is_the_first(people):
    assert page(f"after={people[3].pk}").rows == people[:2:-1]


def test_more_than_the_cap_is_one_more(people):
    assert (count_capped(users(), 3), count_capped(users(), 5)) == (4, 5)
    with translation.override("en"):
        assert (show_count(4, 3), show_count(5, 5), show_count(1234)) == ("3+", "5", "1,234")
