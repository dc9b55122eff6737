"""What is read from the address of a list, and what its other addresses carry."""

import datetime

import pytest
from django.http import QueryDict

from accounts.models import User
from core.list_query import ListQuery


class Query(ListQuery):
    def __init__(self, asked):
        super().__init__(QueryDict(asked))
        self.tab = self.read_tab("tab", {"a", "b"}, default="a")
        self.kind = self.read_choice("kind", {"x", "y"})
        self.since = self.read_day("since")
        self.actor = self.read_pattern("actor", r"\d{1,18}")


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ("", "?tab=a"),
        ("tab=b&kind=y&q=+n%00ame+", "?tab=b&q=name&kind=y"),
        ("tab=c&kind=z&other=1&after=3", "?tab=a"),
        ("since=2026-02-28&actor=12", "?tab=a&since=2026-02-28&actor=12"),
        ("since=2026-02-30&actor=1٢", "?tab=a"),
        ("since=0001-01-01", "?tab=a"),
        ("q=" + "x" * 100, "?tab=a&q=" + "x" * 64),
    ],
)
def test_only_what_makes_sense_is_kept(asked, url):
    query = Query(asked)
    assert query.url() == query.full_url() == url
    assert not query.matches_nothing


def test_a_url_may_add_or_clear_parameters():
    assert Query("kind=x&q=n").url(after="3", q="", tab="b") == "?tab=b&kind=x&after=3"


def test_a_tab_is_no_filter():
    assert not Query("tab=b").is_filtered
    for asked in ("q=x", "kind=x", "since=2026-02-28"):
        assert Query(asked).is_filtered
    assert Query("since=2026-02-28").since == datetime.date(2026, 2, 28)


def test_tabs_keep_the_filters():
    first, second = Query("kind=x").tabs("tab", {"a": "A", "b": "B"}, {"a": 3})
    assert (first.label, first.count, first.url, first.is_current) == ("A", 3, "?tab=a&kind=x", True)
    assert (second.label, second.count, second.url, second.is_current) == ("B", 0, "?tab=b&kind=x", False)


@pytest.mark.django_db
def test_an_unknown_row_or_strict_choice_matches_nothing_and_is_kept():
    user = User.objects.create_user(login="user")
    for asked, row, kind, matches_nothing in [
        ("", None, "", False),
        (f"user={user.pk}&kind=x", user, "x", False),
        (f"user={user.pk + 1}", None, "", True),
        ("user=x", None, "", True),
        ("kind=z", None, "", True),
    ]:
        query = ListQuery(QueryDict(asked))
        assert query.read_row("user", User.objects.all()) == row
        assert query.read_strict_choice("kind", {"x"}) == kind
        assert query.matches_nothing == matches_nothing
        assert query.is_filtered == bool(asked)
        assert query.url() == f"?{asked}"
