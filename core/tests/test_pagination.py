"""Paging by key: forth and back, either order, nonsense in the address."""

import pytest
from django.http import QueryDict

from accounts.models import User
from core.pagination import count_capped, read_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return [User.objects.create_user(login=f"user{number}") for number in range(5)]


def page(asked: str = "", *, is_newest_first: bool = True):
    def url(**key: int) -> str:
        return "&".join(f"{name}={pk}" for name, pk in key.items())

    return read_page(User.objects.all(), QueryDict(asked), url=url, size=2, is_newest_first=is_newest_first)


@pytest.mark.parametrize("is_newest_first", [True, False])
def test_all_are_passed_once_forth_and_back(people, is_newest_first):
    forth, asked = [], ""
    while True:
        read = page(asked, is_newest_first=is_newest_first)
        forth.append(read.rows)
        if not read.next_url:
            break
        asked = read.next_url
    in_order = people[::-1] if is_newest_first else people
    assert [user for rows in forth for user in rows] == in_order
    assert [len(rows) for rows in forth] == [2, 2, 1]
    back = [read.rows]
    while read.previous_url:
        read = page(read.previous_url, is_newest_first=is_newest_first)
        back.append(read.rows)
    assert back[::-1] == forth


@pytest.mark.parametrize("asked", ["after=", "before=x", "after=1e3", "before=" + "9" * 40, "after=-1", "before=²"])
def test_nonsense_is_the_first_page(people, asked):
    assert page(asked).rows == people[:2:-1]


def test_more_than_the_cap_is_one_more(people):
    assert (count_capped(User.objects.all(), 3), count_capped(User.objects.all(), 5)) == (4, 5)
