import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import build_member

URL = "/console/members/"


def ids(response):
    return [int(row["id"]) for row in response.context["rows"]]


def test_it_shows_each_member_with_name_account_address_phone_and_department(client_of, alice, lin):
    page = client_of(alice).get(URL)
    assert page.status_code == 200
    for text in (f'data-id="{lin.pk}"', "林晓", "linxiao", "linxiao@example.com", "138 0013 8001", "市场部"):
        assert text in page.content.decode()


def test_phones_are_masked_without_permission(client_of, erin, lin):
    page = client_of(erin).get(URL).content.decode()
    assert "138****8001" in page
    assert "138 0013 8001" not in page


def test_a_department_administrator_sees_their_own_departments_only(client_of, bob, lin, wang, zhao):
    page = client_of(bob).get(URL)
    assert set(ids(page)) == {lin.pk, wang.pk}
    assert "赵敏" not in page.content.decode()


def test_another_enterprise_sees_nothing_of_it(client_of, charlie, lin, wang):
    page = client_of(charlie).get(URL, {"q": "linxiao", "department": lin.main_department_id})
    assert ids(page) == []
    assert "林晓" not in page.content.decode()


@pytest.mark.parametrize(
    "text", ["王", "芳", "wang", "wangfang", "WANG fang", "8002", "13800138002", "138-0013-8002", "wangfang@exa"]
)
def test_a_search_finds_by(client_of, alice, wang, lin, text):
    assert ids(client_of(alice).get(URL, {"q": text})) == [wang.pk]


def test_filters_narrow_by_department_with_those_below_and_by_status(client_of, alice, tenant, lin, wang, zhao):
    client = client_of(alice)
    assert set(ids(client.get(URL, {"department": tenant.market.pk}))) == {lin.pk, wang.pk}
    assert ids(client.get(URL, {"department": tenant.east.pk})) == [wang.pk]
    assert ids(client.get(URL, {"status": "disabled"})) == [zhao.pk]
    assert ids(client.get(URL, {"status": "disabled", "department": tenant.east.pk})) == []


@pytest.mark.parametrize(
    "asked", ["department=99999999", "department=x", "status=x", "status=x&department=1", "import=x"]
)
def test_an_unknown_filter_value_matches_nobody(client_of, alice, lin, asked):
    page = client_of(alice).get(f"{URL}?{asked}")
    assert ids(page) == []
    assert "No matching members" in page.content.decode()
    assert page.context["query"].fields == dict(pair.split("=") for pair in asked.split("&"))


def test_nonsense_in_the_address_breaks_nothing(client_of, alice, lin):
    for query in (
        "department=x",
        "department=99999999999999999999",
        "status=x",
        "after=x",
        "after=9.9",
        "before=0.999",
        "q=%00",
    ):
        assert client_of(alice).get(f"{URL}?{query}").status_code == 200


def test_pages_follow_each_other_by_key_there_and_back(client_of, alice, tenant):
    made = [build_member(tenant, f"n{number:03}", f"n{number:03}", f"+86139{number:08}").pk for number in range(120)]
    client, seen, page = client_of(alice), [], None
    url = URL
    while url:
        page = client.get(url)
        seen += ids(page)
        url = page.context["pages"].next_url and URL + page.context["pages"].next_url
    assert seen == made
    back = client.get(URL + page.context["pages"].previous_url)
    assert ids(back) == made[50:100]
    first = client.get(URL + back.context["pages"].previous_url)
    assert ids(first) == made[:50]
    assert first.context["pages"].previous_url == ""


def test_it_asks_as_often_for_three_hundred_members_as_for_three(client_of, alice, tenant, lin, wang, zhao):
    client = client_of(alice)
    client.get(URL)
    with CaptureQueriesContext(connection) as few:
        client.get(URL)
    for number in range(297):
        build_member(tenant, f"n{number:03}", f"n{number:03}", f"+86139{number:08}", department=tenant.east)
    with CaptureQueriesContext(connection) as many:
        client.get(URL)
    assert len(many) == len(few)


def test_it_says_when_there_is_nobody_and_when_nobody_matches(client_of, alice):
    client = client_of(alice)
    assert "No members yet" in client.get(URL).content.decode()
    assert "No matching members" in client.get(URL, {"q": "x"}).content.decode()


def test_htmx_gets_the_table_alone(client_of, alice, lin):
    page = client_of(alice).get(URL, headers={"hx-request": "true"}).content.decode()
    assert page.lstrip().startswith('<div id="member-table">')
    assert "<html" not in page


def test_it_is_only_read(client_of, alice):
    assert client_of(alice).post(URL).status_code == 405
    assert reverse("directory:member_list") == URL


def test_a_long_address_breaks_before_its_at_and_dots_and_a_short_one_stays_whole(client_of, alice, tenant):
    build_member(tenant, "长名", "a.very.long-mailbox.prefix", "+8613900000077")
    build_member(tenant, "短名", "short", "+8613900000078")
    page = client_of(alice).get(URL).text
    assert "a<wbr>.very<wbr>.long-mailbox<wbr>.prefix<wbr>@example<wbr>.com" in page
    assert ">short@example.com<" in page


def test_the_live_search_listens_to_the_search_box(client_of, alice, tenant, lin):
    page = client_of(alice).get(f"/console/members/?department={tenant.market.pk}").text
    form = re.search(r'<form\s+class="member-filter".*?>', page, re.S)[0]
    listeners = re.findall(r"(?:search|input[^,]*) from:([^,\"]+)", form)
    assert len(listeners) == 2
    assert all("[type=search]" in listener or "[name=q]" in listener for listener in listeners)
