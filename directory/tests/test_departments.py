import pytest

from accounts.audit import command_actor
from directory.departments import add_department
from directory.models import Department

NEW = "/console/departments/new/"
LIST = "/console/departments/"


def url(department, deed):
    return f"/console/departments/{department.pk}/{deed}/"


def test_the_list_shows_the_tree_down_to_the_chosen_one(client_of, alice, house, wang):
    client = client_of(alice)
    first = client.get(LIST).content.decode()
    assert "市场部" in first
    assert "华东组" not in first
    assert "华东组" in client.get(LIST, {"department": house.market.pk}).content.decode()


def test_a_department_administrator_sees_their_own_tree(client_of, bob, house):
    page = client_of(bob).get(LIST).content.decode()
    assert f'data-id="{house.market.pk}"' in page
    assert f'data-id="{house.root.pk}"' not in page


def test_one_is_added_below_another(client_of, alice, house):
    answer = client_of(alice).post(NEW, {"name": " 华南组 ", "department": house.market.pk})
    made = Department.objects.get(name="华南组")
    assert (answer.status_code, answer["Location"]) == (303, f"{LIST}?department={made.pk}")
    assert (made.parent, made.depth, made.path) == (house.market, 2, f"{house.market.path}{made.pk}/")


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a;b", "a；b", 'a"b', "a" * 65, "a\0b", "a\u202eb", "a\ufdd0b", "市场部"]
)
def test_a_name_that_breaks_the_rule_or_is_taken_is_refused(client_of, alice, house, name):
    answer = client_of(alice).post(NEW, {"name": name, "department": house.root.pk})
    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors
    assert Department.objects.count() == 3


def test_names_are_unique_among_siblings_ignoring_case(client_of, alice, house):
    client = client_of(alice)
    assert client.post(NEW, {"name": "Sales É", "department": house.root.pk}).status_code == 303
    assert client.post(NEW, {"name": "sALES é", "department": house.root.pk}).status_code == 422
    assert client.post(NEW, {"name": "sales é", "department": house.market.pk}).status_code == 303


def test_fifteen_levels_are_the_limit(client_of, alice, house):
    parent = house.root
    for level in range(1, 16):
        parent = add_department(parent, name=f"level {level}", by=command_actor())
    answer = client_of(alice).post(NEW, {"name": "too deep", "department": parent.pk})
    assert answer.status_code == 422
    assert "department" in answer.context["form"].errors


def test_one_is_renamed(client_of, alice, house):
    client = client_of(alice)
    assert client.post(url(house.market, "edit"), {"name": "市场"}).status_code == 303
    house.market.refresh_from_db()
    assert house.market.name == "市场"
    assert client.post(url(house.east, "edit"), {"name": "a/b"}).status_code == 422


def test_only_an_empty_one_is_deleted_and_the_rest_says_why(client_of, alice, bob, house, wang):
    client = client_of(alice)
    answer = client.post(url(house.market, "delete"))
    assert answer.status_code == 422
    assert "1 department below" in answer.content.decode()
    answer = client.post(url(house.east, "delete"))
    assert "1 member" in answer.content.decode()
    wang.delete()
    assert client.post(url(house.east, "delete")).status_code == 303
    answer = client.post(url(house.market, "delete"))
    assert "not empty: department administrators. Only an empty department" in answer.content.decode()
    assert client.post(url(house.root, "delete")).status_code == 422


def test_foreign_ones_are_not_found_and_deeds_need_the_right(client_of, charlie, bob, erin, house):
    for deed in ("edit", "delete"):
        assert client_of(charlie).post(url(house.east, deed), {"name": "x"}).status_code == 404
        assert client_of(bob).post(url(house.east, deed), {"name": "x"}).status_code == 403
        assert client_of(erin).post(url(house.east, deed), {"name": "x"}).status_code == 403
    assert client_of(charlie).post(NEW, {"name": "x", "department": house.east.pk}).status_code == 422


def test_wrong_methods_are_refused(client_of, alice, house):
    client = client_of(alice)
    assert client.get(url(house.east, "delete")).status_code == 405
    assert client.put(url(house.east, "edit")).status_code == 405
    assert client.post(LIST).status_code == 405


def test_departments_are_found_by_name_with_the_way_to_them(client_of, alice, bob, house):
    page = client_of(alice).get("/console/departments/?q=华东").content.decode()
    assert "示例科技/市场部/华东组" in page
    assert f'data-id="{house.market.pk}"' not in page
    assert "No department of this name" in client_of(alice).get("/console/departments/?q=%00火星").content.decode()
    assert f'data-id="{house.root.pk}"' not in client_of(bob).get("/console/departments/?q=示例").content.decode()
