import random
from contextlib import suppress

import pytest
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from conftest import audit_events, build_department, build_member, build_user
from core.translatable import render_message
from directory.departments.actions import add_department
from directory.departments.moving import move_department, plan_move
from directory.imports.actions import begin_import
from directory.imports.job import work_on_imports
from directory.imports.upload import start_import
from directory.members.actions import create_member, edit_member
from directory.members.recycle_bin import delete_members, restore_members
from directory.models import Department, DepartmentScope, Member, Membership
from directory.tests import racing
from directory.tests.imports.workbooks import person, upload, xlsx
from directory.tests.member_counts import move_counts

BY = command_actor()


def move(department, parent):
    return move_department(department, parent=parent, by=BY)


def refusal(department, parent):
    with override("en"), pytest.raises(ValidationError) as refused:
        move(department, parent)
    return ValidationError(refused.value.update_error_dict({})).message_dict


def is_true(enterprise):
    """Return path, depth and count of every department, computed from parents and memberships."""
    tree = {one.pk: one for one in Department.objects.filter(enterprise=enterprise)}
    standing = dict.fromkeys(tree, frozenset())
    for department, member in Membership.objects.filter(member__deleted_at=None).values_list("department", "member"):
        standing[department] |= {member}
    below = dict(standing)
    for one in tree.values():
        way = [one]
        while way[0].parent_id:
            way.insert(0, tree[way[0].parent_id])
        assert one.path == "".join(f"{above.pk}/" for above in way)
        assert one.depth == len(way) - 1
        for above in way[:-1]:
            below[above.pk] |= standing[one.pk]
    assert {pk: one.members_below for pk, one in tree.items()} == {pk: len(members) for pk, members in below.items()}
    return True


@pytest.fixture
def finance(tenant):
    return build_department(tenant.enterprise, "财务部", tenant.root)


@pytest.fixture
def shanghai(tenant):
    return build_department(tenant.enterprise, "上海", tenant.east)


def test_one_goes_below_another_with_all_that_is_below_it(tenant, wang, finance, shanghai):
    moved = move(tenant.east, finance)
    shanghai.refresh_from_db()
    assert (moved.parent, moved.depth, moved.path) == (finance, 2, f"{finance.path}{tenant.east.pk}/")
    assert (shanghai.parent, shanghai.depth, shanghai.path) == (tenant.east, 3, f"{moved.path}{shanghai.pk}/")
    assert Member.objects.under(finance).get() == wang
    assert not Member.objects.under(tenant.market).exists()
    assert is_true(tenant.enterprise)


def test_a_member_of_two_departments_counts_once(tenant, wang, finance):
    for department in (tenant.market, finance):
        Membership.objects.create(member=wang, department=department)
        move_counts(before=[tenant.east], after=[tenant.east, department])
    assert is_true(tenant.enterprise)
    move(tenant.east, finance)
    assert is_true(tenant.enterprise)
    finance.refresh_from_db()
    tenant.market.refresh_from_db()
    assert (tenant.market.members_below, finance.members_below) == (1, 1)


def test_deleted_members_move_along_uncounted(tenant, wang, finance):
    delete_members(tenant.enterprise, [wang.pk], by=BY)
    move(tenant.east, finance)
    assert is_true(tenant.enterprise)
    restore_members(tenant.enterprise, [wang.pk], by=BY)
    assert is_true(tenant.enterprise)
    finance.refresh_from_db()
    assert finance.members_below == 1


def test_never_below_itself_nor_where_it_is_nor_the_root(tenant, shanghai):
    assert refusal(tenant.market, tenant.market) == {"department": ["“市场部” can't be moved below itself."]}
    assert refusal(tenant.market, shanghai) == {
        "department": ["“市场部” can't be moved below “上海” because “上海” is one of its subdepartments."]
    }
    assert refusal(tenant.east, tenant.market) == {"department": ["“华东组” is already below “市场部”."]}
    assert "can't be moved" in refusal(tenant.root, tenant.market)[NON_FIELD_ERRORS][0]
    assert is_true(tenant.enterprise)
    assert not audit_events().exists()


def test_never_into_another_enterprise(tenant, other_tenant):
    assert refusal(tenant.east, other_tenant.root) == {"department": ["This department no longer exists."]}


def test_a_name_taken_at_the_target_is_refused(tenant, finance):
    build_department(tenant.enterprise, "Sales É", finance)
    twin = build_department(tenant.enterprise, "sALES é", tenant.market)
    assert refusal(twin, finance) == {"department": ["财务部 already has a department named “sALES é”."]}
    assert is_true(tenant.enterprise)


def test_fifteen_levels_are_the_limit_for_the_deepest_that_goes_along(tenant, finance, shanghai):
    deep = finance
    for level in range(2, 14):
        deep = add_department(deep, name=f"level {level}", by=BY)
    assert (deep.depth, is_true(tenant.enterprise)) == (13, True)
    assert refusal(tenant.market, deep)["department"][0].endswith("With its subdepartments, this one would reach 16.")
    move(tenant.east, deep)
    shanghai.refresh_from_db()
    assert shanghai.depth == 15
    assert is_true(tenant.enterprise)


def test_the_plan_names_who_gains_and_who_loses_access(tenant, wang, bob, finance, shanghai):
    eve, both = build_user("eve", tenant, "department_admin"), build_user("both", tenant, "department_admin")
    for user, department in ((eve, finance), (both, finance), (both, tenant.market)):
        DepartmentScope.objects.create(role=user.roles.get(), department=department)
    below = build_user("below", tenant, "department_admin")
    DepartmentScope.objects.create(role=below.roles.get(), department=tenant.east)
    plan = plan_move(tenant.east, parent=finance)
    assert ([role.user for role in plan.losing], [role.user for role in plan.gaining]) == ([bob], [eve])
    assert (plan.below, plan.department.members_below) == (1, 1)
    assert (plan.path_before, plan.path_after) == ("示例科技/市场部", "示例科技/财务部")
    tenant.east.refresh_from_db()
    assert tenant.east.parent == tenant.market


def test_the_audit_log_names_the_parent_and_the_administrators(tenant, bob, finance):
    move(tenant.east, finance)
    event = audit_events().get()
    assert (event.action, event.target_id) == ("department_moved", str(tenant.east.pk))
    assert event.personal["before"] == {"parent": "示例科技/市场部", "administrators": ["Bob"]}
    assert event.personal["after"] == {"parent": "示例科技/财务部", "administrators": []}
    move(finance, tenant.market)
    event = AuditEvent.objects.latest("number")
    assert event.personal["after"] == {"parent": "示例科技/市场部", "administrators": ["Bob"]}
    move(tenant.east, tenant.market)
    event = AuditEvent.objects.latest("number")
    assert event.personal["after"] == {"parent": "示例科技/市场部"}


def test_a_member_added_during_a_move_counts_at_the_new_parent(tenant, wang, finance):
    before = Department.objects.get(pk=tenant.east.pk)
    move(tenant.east, finance)
    data = {"name": "李四", "domain": tenant.domain, "prefix": "lisi", "phone": "13900139000", "departments": [before]}
    lisi = create_member(tenant.enterprise, by=BY, **data)
    assert is_true(tenant.enterprise)
    before = Department.objects.get(pk=tenant.east.pk)
    move(tenant.east, tenant.market)
    edit_member(lisi, by=BY, **data | {"departments": [tenant.root, before]})
    assert is_true(tenant.enterprise)


def test_it_takes_as_many_statements_for_a_hundred_as_for_one(tenant, wang, finance):
    def statements(department, parent):
        with CaptureQueriesContext(connection) as asked:
            move(department, parent)
        return len(asked)

    few = statements(tenant.east, finance)
    for number in range(100):
        child = build_department(tenant.enterprise, f"{number}", Department.objects.get(pk=tenant.east.pk))
        build_member(tenant, "李四", f"p{number}", f"+861390013{number:04}", department=child)
    assert statements(tenant.east, tenant.market) <= few
    assert is_true(tenant.enterprise)


@pytest.fixture
def wood(tenant):
    """`wood(dice)`: departments at any place, of few names, and members in up to three of them, some in the bin."""

    def grow(dice):
        tree = [tenant.root, tenant.market, tenant.east]
        for number in range(20):
            with suppress(ValidationError):
                tree.append(add_department(dice.choice(tree), name=str(number % 7), by=BY))
        for number in range(25):
            member = build_member(tenant, "李四", f"p{number}", f"+861390013{number:04}", department=dice.choice(tree))
            others = set(dice.sample(tree, 2)) - {member.main_department}
            Membership.objects.bulk_create(Membership(member=member, department=one) for one in others)
            move_counts(before=[member.main_department], after=[member.main_department, *others])
        delete_members(tenant.enterprise, [member.pk for member in Member.objects.all()[::5]], by=BY)
        return tree

    return grow


@pytest.mark.parametrize("seed", range(4))
def test_after_any_moves_path_depth_and_counts_match_a_recount(tenant, wood, seed):
    dice = random.Random(seed)
    tree, moves = wood(dice), 0
    assert is_true(tenant.enterprise)
    for _step in range(30):
        with suppress(ValidationError):
            move(*dice.sample(tree, 2))
            moves += 1
        assert is_true(tenant.enterprise)
    assert moves > 5


@pytest.fixture
def checked(settings, tmp_path):
    """`checked(department, user, rows)`: an import whose preview stands."""
    settings.IMPORT_DIR = tmp_path / "imports"

    def check(department, user, *rows, **options):
        imported = start_import(department, by=command_actor(user), upload=upload(xlsx(*rows)), **options)
        work_on_imports()
        return imported

    return check


def applied(imported, user):
    begin_import(imported, by=command_actor(user))
    work_on_imports()
    imported.refresh_from_db()
    return imported.state, imported.created, imported.updated, imported.refused


def reasons(imported):
    with override("en"):
        return [render_message(problem) for row in imported.rows.order_by("number") for problem in row.problems]


def test_an_import_previewed_before_goes_where_its_departments_are_now(tenant, alice, finance, checked):
    rows = [person(1), person(2, departments="新组/一班")]
    imported = checked(tenant.east, alice, *rows, create_departments=True)
    move(tenant.east, finance)
    assert applied(imported, alice) == ("done", 2, 0, 0)
    assert Member.objects.under(Department.objects.get(pk=finance.pk)).count() == 2
    assert is_true(tenant.enterprise)


def test_an_import_whose_paths_are_too_deep_by_now_refuses_them(tenant, alice, finance, checked):
    imported = checked(tenant.east, alice, person(1), person(2, departments="新组/一班"), create_departments=True)
    for level in range(2, 14):
        finance = add_department(finance, name=f"level {level}", by=BY)
    move(tenant.east, finance)
    assert applied(imported, alice) == ("done", 1, 0, 1)
    assert is_true(tenant.enterprise)


def test_an_import_touches_nothing_that_moved_out_of_its_authors_reach(tenant, bob, wang, finance, checked):
    rows = [person(1), person(2, departments="华东组"), person(3, prefix="wangfang", phone="13800138002")]
    imported = checked(tenant.market, bob, *rows, mode="update")
    move(tenant.east, finance)
    assert applied(imported, bob) == ("done", 1, 0, 2)
    assert reasons(imported) == [
        "You no longer manage one of these departments.",
        "The member is no longer in the directory, or not in a department you manage.",
    ]
    wang.refresh_from_db()
    assert wang.name == "王芳"
    assert is_true(tenant.enterprise)


def test_an_update_keeps_memberships_out_of_its_authors_reach(tenant, bob, wang, finance, checked):
    Membership.objects.create(member=wang, department=tenant.market)
    move_counts(before=[tenant.east], after=[tenant.east, tenant.market])
    imported = checked(tenant.market, bob, person(3, prefix="wangfang", phone="13800138002"), mode="update")
    move(tenant.east, finance)
    assert applied(imported, bob) == ("done", 0, 1, 0)
    assert set(wang.departments.all()) == {tenant.east, tenant.market}
    assert is_true(tenant.enterprise)


def at_once(*actions):
    """Return each call's result; None if it was refused."""
    done = racing.at_once(*actions, refusals=(ValidationError,))
    return [None if isinstance(one, ValidationError) else one for one in done]


def on_postgresql(test):
    return pytest.mark.postgres(pytest.mark.django_db(transaction=True)(test))


@on_postgresql
def test_of_two_that_go_below_each_other_one_goes(tenant, finance):
    for _round in range(10):
        done = at_once(lambda: move(tenant.market, finance), lambda: move(finance, tenant.market))
        assert sum(map(bool, done)) == 1
        assert is_true(tenant.enterprise)
        move(next(filter(None, done)), tenant.root)


@on_postgresql
def test_of_two_departments_with_one_name_only_one_moves_to_a_parent(tenant, finance):
    twins = [build_department(tenant.enterprise, "一组", above) for above in (finance, tenant.east)]
    done = at_once(*[lambda one=one: move(one, tenant.root) for one in twins])
    assert sum(map(bool, done)) == 1
    assert is_true(tenant.enterprise)


@on_postgresql
def test_what_grows_below_while_it_moves_is_never_too_deep(tenant, finance):
    deep = tenant.east
    for level in range(3, 9):
        deep = add_department(deep, name=f"level {level}", by=BY)
    for level in range(2, 9):
        finance = add_department(finance, name=f"level {level}", by=BY)
    done = at_once(lambda: move(tenant.east, finance), lambda: add_department(deep, name="one more", by=BY))
    assert sum(map(bool, done)) == 1
    assert is_true(tenant.enterprise)


@on_postgresql
def test_members_who_change_departments_during_a_move_count_at_the_new_parent(tenant, finance):
    members = [build_member(tenant, "王五", f"w{n}", f"+861380013{n:04}", department=tenant.east) for n in range(4)]
    data = {"name": "李四", "domain": tenant.domain, "departments": [tenant.east]}

    def enter(number):
        create_member(tenant.enterprise, by=BY, **data, prefix=f"p{number}", phone=f"139{number:08}")

    def leave(member):
        delete_members(tenant.enterprise, [member.pk], by=BY)

    at_once(
        *[lambda to=to: move(tenant.east, to) for to in (finance, tenant.root, tenant.market)],
        *[lambda number=number: enter(number) for number in range(4)],
        *[lambda member=member: leave(member) for member in members],
    )
    assert is_true(tenant.enterprise)
    assert Department.objects.get(pk=tenant.east.pk).members_below == 4


def test_the_root_has_no_page_to_move_it(client_of, alice, tenant):
    client, page = client_of(alice), f"/console/departments/{tenant.root.pk}/move/"
    assert client.get(page).status_code == 404
    assert client.post(page, {"parent": tenant.market.pk}).status_code == 404
