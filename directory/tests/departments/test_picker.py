"""The department field: a select for few departments, a search for many."""

import re

import pytest

from conftest import build_department
from directory.departments import picker as department_picker
from directory.models import Department, Member


@pytest.fixture
def many(monkeypatch):
    """Set the limit of the select to fewer than three departments."""
    monkeypatch.setattr(department_picker, "WHOLE_MAX", 2)


@pytest.fixture
def north(tenant):
    return build_department(tenant.enterprise, "华北组", tenant.market)


def options(page, name):
    select = re.search(rf'<select name="{name}".*?</select>', page.content.decode(), re.S)[0]
    return [(value, bool(chosen)) for value, chosen in re.findall(r'<option value="(\d*)"( selected)?', select)]


def typed(**fields):
    return {
        "name": "新人",
        "prefix": "xin",
        "domain": "example.com",
        "phone": "13900139001",
        "activation": "phone",
    } | fields


def test_few_are_offered_whole_without_a_search(client_of, alice, tenant):
    page = client_of(alice).get("/console/members/new/")
    assert [int(value) for value, _ in options(page, "departments")] == [
        tenant.root.pk,
        tenant.market.pk,
        tenant.east.pk,
    ]
    assert "departments_q" not in page.content.decode()


def test_of_many_the_root_is_preset_and_the_rest_is_searched_for(client_of, alice, tenant, many):
    page = client_of(alice).get("/console/members/new/")
    assert options(page, "departments") == [(str(tenant.root.pk), True)]
    assert 'name="departments_q"' in page.content.decode()
    client_of(alice).post("/console/members/new/", typed())
    assert Member.objects.get().main_department == tenant.root


def test_without_script_a_search_keeps_all_that_was_typed_and_does_nothing(client_of, alice, tenant, many):
    form_data = typed(departments=[tenant.root.pk], departments_q="华东", departments_search="1", phone="nonsense")
    page = client_of(alice).post("/console/members/new/", form_data)
    text = page.content.decode()
    assert page.status_code == 422
    assert options(page, "departments") == [(str(tenant.root.pk), True), (str(tenant.east.pk), False)]
    assert 'value="新人"' in text
    assert 'value="nonsense"' in text
    assert "aria-invalid" not in text
    assert not Member.objects.exists()


def test_what_was_found_is_saved_and_what_is_out_of_reach_is_not(client_of, alice, tenant, other_tenant, many):
    client = client_of(alice)
    assert client.post("/console/members/new/", typed(departments=[other_tenant.root.pk])).status_code == 422
    assert client.post("/console/members/new/", typed(departments=[tenant.east.pk])).status_code == 303
    assert Member.objects.get().main_department == tenant.east


def test_the_options_keep_what_is_chosen_and_add_what_is_found(client_of, alice, tenant, other_tenant, many, north):
    client = client_of(alice)
    asked = {"for": "departments", "departments": [north.pk, other_tenant.root.pk], "departments_q": "华东"}
    page = client.get("/console/departments/options/", asked).content.decode()
    assert re.findall(r'value="(\d+)"( selected)?', page) == [
        (str(north.pk), " selected"), (str(tenant.east.pk), ""),
    ]  # fmt: skip
    assert "示例科技/市场部/华东组" in page


@pytest.mark.parametrize(("text", "found"), [("组", 2), ("市场/华东", 1), ("财务/华东", 0), ("%", 0), ("", 3)])
def test_a_department_is_found_by_its_name_and_path(tenant, alice, north, text, found):
    role = alice.roles.get()
    assert len(department_picker.find_departments(role, text)) == found + (text == "")


def test_a_department_admin_searches_in_their_own(client_of, bob, tenant, many):
    finance = build_department(tenant.enterprise, "财务组", tenant.root)
    page = client_of(bob).get("/console/departments/options/", {"for": "department", "department_q": "组"}).content
    assert f'value="{tenant.east.pk}"' in page.decode()
    assert f'value="{finance.pk}"' not in page.decode()


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("/console/members/{wang}/edit/", "departments"),
        ("/console/departments/new/", "department"),
        ("/console/imports/", "department"),
        ("/console/joining/", "default_department"),
        ("/console/joining/links/new/", "department"),
        ("/console/invitations/new/", "department"),
    ],
)
def test_every_form_that_chooses_a_department_searches(client_of, alice, wang, many, page, name):
    client = client_of(alice)
    answer = client.get(page.format(wang=wang.pk))
    assert f'name="{name}_q"' in answer.content.decode()
    assert len(options(answer, name)) <= 3


def test_a_member_keeps_their_departments_through_an_edit(client_of, alice, tenant, wang, many):
    client = client_of(alice)
    page = client.get(f"/console/members/{wang.pk}/edit/")
    assert (str(tenant.east.pk), True) in options(page, "departments")
    form_data = typed(name="王方", prefix="wangfang", phone="13800138002", departments=[tenant.east.pk])
    assert client.post(f"/console/members/{wang.pk}/edit/", form_data).status_code == 303
    wang.refresh_from_db()
    assert (wang.name, wang.main_department) == ("王方", tenant.east)


def test_a_new_department_below_one_that_was_searched_for(client_of, alice, tenant, many):
    client = client_of(alice)
    answer = client.post("/console/departments/new/", {"name": "一组", "department": tenant.east.pk})
    assert answer.status_code == 303
    assert Department.objects.get(name="一组").parent == tenant.east


@pytest.mark.parametrize("person", ["alice", "bob"])
def test_a_search_finds_what_matches_and_not_the_root(client_of, request, tenant, many, person):
    client = client_of(request.getfixturevalue(person))
    build_department(tenant.enterprise, "华南组", tenant.market)
    page = client.get("/console/departments/options/", {"for": "departments", "departments_q": "华东"}).text
    assert re.findall(r'value="(\d+)"', page) == [str(tenant.east.pk)]
