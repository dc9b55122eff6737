import html
import re

import pytest

from accounts.audit.recording import command_actor
from accounts.permissions import PERMISSIONS
from conftest import build_department, build_user
from directory.departments import picker as department_picker
from directory.departments.actions import add_department
from directory.models import Department, DepartmentScope

NEW = "/console/departments/new/"
LIST = "/console/departments/"


def url(department, action):
    return f"/console/departments/{department.pk}/{action}/"


def test_the_list_shows_the_tree_down_to_the_chosen_one(client_of, alice, tenant, wang):
    client = client_of(alice)
    first = client.get(LIST).content.decode()
    assert "市场部" in first
    assert "华东组" not in first
    assert "华东组" in client.get(LIST, {"department": tenant.market.pk}).content.decode()


def test_a_department_administrator_sees_their_own_tree(client_of, bob, tenant):
    page = client_of(bob).get(LIST).content.decode()
    assert f'data-id="{tenant.market.pk}"' in page
    assert f'data-id="{tenant.root.pk}"' not in page


def test_one_is_added_below_another(client_of, alice, tenant):
    answer = client_of(alice).post(NEW, {"name": " 华南组 ", "department": tenant.market.pk})
    made = Department.objects.get(name="华南组")
    assert (answer.status_code, answer["Location"]) == (303, f"{LIST}?department={made.pk}")
    assert (made.parent, made.depth, made.path) == (tenant.market, 2, f"{tenant.market.path}{made.pk}/")


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a;b", "a；b", 'a"b', "a" * 65, "a\0b", "a\u202eb", "a\ufdd0b", "市场部"]
)
def test_a_name_that_breaks_the_rule_or_is_taken_is_refused(client_of, alice, tenant, name):
    answer = client_of(alice).post(NEW, {"name": name, "department": tenant.root.pk})
    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors
    assert Department.objects.filter(enterprise=tenant.enterprise).count() == 3


def test_names_are_unique_among_siblings_ignoring_case(client_of, alice, tenant):
    client = client_of(alice)
    assert client.post(NEW, {"name": "Sales É", "department": tenant.root.pk}).status_code == 303
    assert client.post(NEW, {"name": "sALES é", "department": tenant.root.pk}).status_code == 422
    assert client.post(NEW, {"name": "sales é", "department": tenant.market.pk}).status_code == 303


def test_fifteen_levels_are_the_limit(client_of, alice, tenant):
    parent = tenant.root
    for level in range(1, 16):
        parent = add_department(parent, name=f"level {level}", by=command_actor())
    answer = client_of(alice).post(NEW, {"name": "too deep", "department": parent.pk})
    assert answer.status_code == 422
    assert "department" in answer.context["form"].errors


def test_one_is_renamed(client_of, alice, tenant):
    client = client_of(alice)
    assert client.post(url(tenant.market, "edit"), {"name": "市场"}).status_code == 303
    tenant.market.refresh_from_db()
    assert tenant.market.name == "市场"
    assert client.post(url(tenant.east, "edit"), {"name": "a/b"}).status_code == 422


def test_only_an_empty_one_is_deleted_and_the_rest_says_why(client_of, alice, bob, tenant, wang):
    client = client_of(alice)
    answer = client.post(url(tenant.market, "delete"))
    assert answer.status_code == 422
    assert "1 subdepartment" in answer.content.decode()
    answer = client.post(url(tenant.east, "delete"))
    assert "1 member" in answer.content.decode()
    wang.delete()
    assert client.post(url(tenant.east, "delete")).status_code == 303
    answer = client.post(url(tenant.market, "delete"))
    assert "t empty: department administrators. Only empty departments" in answer.content.decode()
    assert client.post(url(tenant.root, "delete")).status_code == 422


def test_other_enterprises_are_not_found_and_actions_need_permission(client_of, charlie, bob, erin, tenant):
    for action in ("edit", "delete"):
        assert client_of(charlie).post(url(tenant.east, action), {"name": "x"}).status_code == 404
        assert client_of(bob).post(url(tenant.east, action), {"name": "x"}).status_code == 403
        assert client_of(erin).post(url(tenant.east, action), {"name": "x"}).status_code == 403
    assert client_of(charlie).post(NEW, {"name": "x", "department": tenant.east.pk}).status_code == 422


def test_wrong_methods_are_refused(client_of, alice, tenant):
    client = client_of(alice)
    assert client.get(url(tenant.east, "delete")).status_code == 302
    assert client.put(url(tenant.east, "edit")).status_code == 405
    assert client.post(LIST).status_code == 405


def test_departments_are_found_by_name_with_their_path(client_of, alice, bob, tenant):
    page = client_of(alice).get("/console/departments/?q=华东").content.decode()
    assert "示例科技/市场部/华东组" in page
    assert f'data-id="{tenant.market.pk}"' not in page
    assert "No matching departments" in client_of(alice).get("/console/departments/?q=%00火星").content.decode()
    assert f'data-id="{tenant.root.pk}"' not in client_of(bob).get("/console/departments/?q=示例").content.decode()


@pytest.fixture
def finance(tenant):
    return build_department(tenant.enterprise, "财务部", tenant.root)


def offered(page):
    return [int(id) for id in re.findall(r'<option value="(\d+)"', page.content.decode())]


def test_a_move_offers_every_allowed_parent(client_of, alice, tenant, finance):
    client = client_of(alice)
    assert f'href="{url(tenant.east, "move")}"' in client.get(url(tenant.east, "edit")).text
    assert offered(client.get(url(tenant.east, "move"))) == [tenant.root.pk, finance.pk]
    assert offered(client.get(url(tenant.market, "move"))) == [finance.pk]


def test_a_move_says_first_what_it_changes_and_then_does_it(client_of, alice, bob, tenant, wang, finance):
    eve = build_user("eve", tenant, "department_admin")
    DepartmentScope.objects.create(role=eve.roles.get(), department=finance)
    build_department(tenant.enterprise, "上海", tenant.east)
    client = client_of(alice)
    page = client.get(url(tenant.east, "move"), {"department": finance.pk})
    assert page.status_code == 200
    for words in (
        "示例科技/市场部",
        "示例科技/财务部",
        "1 subdepartment moves",
        "1 member moves",
        "Bob will no longer",
        "Eve will manage",
    ):
        assert words in page.text
    tenant.east.refresh_from_db()
    assert tenant.east.parent == tenant.market
    answer = client.post(url(tenant.east, "move"), {"department": finance.pk})
    assert (answer.status_code, answer["Location"]) == (303, f"{LIST}?department={tenant.east.pk}")
    page = client.get(answer["Location"]).text
    assert "“华东组” was moved below “财务部”." in page
    assert "示例科技/财务部/华东组" in client.get(LIST, {"q": "财务/华东"}).text
    assert client_of(eve).get(f"/console/members/{wang.pk}/").status_code == 200
    assert client_of(bob).get(f"/console/members/{wang.pk}/").status_code == 404


def test_a_move_that_changes_nobodys_rights_says_so(client_of, alice, bob, tenant):
    bob.roles.get().scopes.all().delete()
    page = client_of(alice).get(url(tenant.east, "move"), {"department": tenant.root.pk})
    assert "The department administrators who manage it" in page.text
    assert "It has no members." in page.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_move_that_is_refused_says_why_beside_the_choice(client_of, alice, tenant, finance, other_tenant, method):
    build_department(tenant.enterprise, "华东组", finance)
    client = client_of(alice)
    for moved, target, words in (
        (tenant.market, tenant.east, "is one of its subdepartments"),
        (tenant.market, tenant.market, "below itself"),
        (tenant.east, tenant.market, "already"),
        (tenant.east, finance, "财务部 already has a department named “华东组”."),
        (tenant.east, other_tenant.root, "Select a valid choice"),
    ):
        answer = getattr(client, method)(url(moved, "move"), {"department": target.pk})
        assert answer.status_code == 422
        assert words in html.unescape(answer.text)
        assert "aria-invalid" in answer.text
        if target != other_tenant.root:
            assert f'<option value="{target.pk}" selected>' in answer.text
    assert client.post(url(tenant.east, "move"), {"department": ""}).status_code == 422
    assert Department.objects.get(pk=tenant.east.pk).parent == tenant.market


def test_without_script_searching_for_a_parent_moves_nothing(client_of, alice, tenant, finance, monkeypatch):
    monkeypatch.setattr(department_picker, "WHOLE_MAX", 2)
    client = client_of(alice)
    assert offered(client.get(url(tenant.east, "move"))) == [tenant.root.pk]
    asked = {"department": "", "department_q": "财务", "department_search": "1"}
    page = client.get(url(tenant.east, "move"), asked)
    assert (page.status_code, offered(page)) == (200, [finance.pk])
    assert "aria-invalid" not in page.text
    assert client.get(url(tenant.east, "move"), {"department": finance.pk}).status_code == 200
    assert client.post(url(tenant.east, "move"), asked | {"department": finance.pk}).status_code == 422
    assert client.post(url(tenant.east, "move"), {"department": finance.pk}).status_code == 303


def test_the_root_is_not_moved(client_of, alice, tenant):
    client = client_of(alice)
    assert url(tenant.root, "move") not in client.get(url(tenant.root, "edit")).text
    assert client.get(url(tenant.root, "move")).status_code == 404
    assert client.post(url(tenant.root, "move"), {"department": tenant.market.pk}).status_code == 404


def test_were_department_administrators_to_move_then_only_within_their_own(
    client_of, bob, tenant, finance, monkeypatch
):
    assert client_of(bob).get(url(tenant.east, "move")).status_code == 403
    monkeypatch.setitem(PERMISSIONS, "department_admin", PERMISSIONS["department_admin"] | {"manage_departments"})
    north = build_department(tenant.enterprise, "华北组", tenant.market)
    client = client_of(bob)
    assert client.get(url(tenant.market, "move")).status_code == 404
    assert client.get(url(finance, "move")).status_code == 404
    assert offered(client.get(url(tenant.east, "move"))) == [north.pk]
    for outside in (tenant.root, finance):
        assert client.post(url(tenant.east, "move"), {"department": outside.pk}).status_code == 422
    assert client.post(url(tenant.east, "move"), {"department": north.pk}).status_code == 303
