import random
from contextlib import suppress

import pytest
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from conftest import build_department, build_member, build_user
from core.translatable import render_message
from directory.departments.actions import add_department
from directory.departments.member_counts import move_counts
from directory.departments.moving import move_department, plan_move
from directory.imports.actions import begin_import
from directory.imports.job import work_on_imports
from directory.imports.upload import start_import
from directory.members.actions import create_member, edit_member
from directory.members.recycle_bin import delete_members, restore_members
from directory.models import Department, DepartmentScope, Member, Membership
from directory.tests import racing
from directory.tests.imports.workbooks import person, upload, xlsx

BY = command_actor()


def move(department, parent):
    return move_department(department, parent=parent, by=BY)


def refusal(department, parent):
    with override("en"), pytest.raises(ValidationError) as refused:
        move(department, parent)
    return ValidationError(refused.value.update_error_dict({})).message_dict


def is_true(enterprise):
    """Path, depth and count of every department, as computed anew from parents and memberships."""
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
def finance(house):
    return build_department(house.enterprise, "财务部", house.root)


@pytest.fixture
def shanghai(house):
    return build_department(house.enterprise, "上海", house.east)


def test_one_goes_below_another_with_all_that_is_below_it(house, wang, finance, shanghai):
    moved = move(house.east, finance)
    shanghai.refresh_from_db()
    assert (moved.parent, moved.depth, moved.path) == (finance, 2, f"{finance.path}{house.east.pk}/")
    assert (shanghai.parent, shanghai.depth, shanghai.path) == (house.east, 3, f"{moved.path}{shanghai.pk}/")
    assert Member.objects.under(finance).get() == wang
    assert not Member.objects.under(house.market).exists()
    assert is_true(house.enterprise)


def test_who_also_stands_elsewhere_is_counted_once(house, wang, finance):
    for department in (house.market, finance):
        Membership.objects.create(member=wang, department=department)
        move_counts(before=[house.east], after=[house.east, department])
    assert is_true(house.enterprise)
    move(house.east, finance)
    assert is_true(house.enterprise)
    finance.refresh_from_db()
    house.market.refresh_from_db()
    assert (house.market.members_below, finance.members_below) == (1, 1)


def test_who_lies_in_the_bin_goes_along_uncounted(house, wang, finance):
    delete_members(house.enterprise, [wang.pk], by=BY)
    move(house.east, finance)
    assert is_true(house.enterprise)
    restore_members(house.enterprise, [wang.pk], by=BY)
    assert is_true(house.enterprise)
    finance.refresh_from_db()
    assert finance.members_below == 1


def test_never_below_itself_nor_where_it_is_nor_the_root(house, shanghai):
    assert refusal(house.market, house.market) == {"department": ["“市场部” can't go below itself."]}
    assert refusal(house.market, shanghai) == {
        "department": ["“市场部” can't go below “上海”, which is below “市场部” itself."]
    }
    assert refusal(house.east, house.market) == {"department": ["“华东组” is below “市场部” already."]}
    assert "can't be moved" in refusal(house.root, house.market)[NON_FIELD_ERRORS][0]
    assert is_true(house.enterprise)
    assert not AuditEvent.objects.exists()


def test_never_into_another_enterprise(house, other_house):
    assert refusal(house.east, other_house.root) == {"department": ["This department no longer exists."]}


def test_a_name_that_is_taken_there_is_refused_and_said_by_whom(house, finance):
    build_department(house.enterprise, "Sales É", finance)
    twin = build_department(house.enterprise, "sALES é", house.market)
    assert refusal(twin, finance) == {"department": ["财务部 already has a department named “sALES é”."]}
    assert is_true(house.enterprise)


def test_fifteen_levels_are_the_limit_for_the_deepest_that_goes_along(house, finance, shanghai):
    deep = finance
    for level in range(2, 14):
        deep = add_department(deep, name=f"level {level}", by=BY)
    assert (deep.depth, is_true(house.enterprise)) == (13, True)
    assert refusal(house.market, deep)["department"][0].endswith("with what is below it these would be 16.")
    move(house.east, deep)
    shanghai.refresh_from_db()
    assert shanghai.depth == 15
    assert is_true(house.enterprise)


def test_the_plan_names_who_will_see_it_and_who_no_longer(house, wang, bob, finance, shanghai):
    eve, both = build_user("eve", house, "department_admin"), build_user("both", house, "department_admin")
    for user, department in ((eve, finance), (both, finance), (both, house.market)):
        DepartmentScope.objects.create(role=user.roles.get(), department=department)
    below = build_user("below", house, "department_admin")
    DepartmentScope.objects.create(role=below.roles.get(), department=house.east)
    plan = plan_move(house.east, parent=finance)
    assert ([role.user for role in plan.losing], [role.user for role in plan.gaining]) == ([bob], [eve])
    assert (plan.below, plan.department.members_below) == (1, 1)
    assert (plan.path_before, plan.path_after) == ("示例科技/市场部", "示例科技/财务部")
    house.east.refresh_from_db()
    assert house.east.parent == house.market


def test_the_audit_log_tells_the_place_and_who_looked_after_it(house, bob, finance):
    move(house.east, finance)
    event = AuditEvent.objects.get()
    assert (event.action, event.target_id) == ("department_moved", str(house.east.pk))
    assert event.personal["before"] == {"parent": "示例科技/市场部", "administrators": ["Bob"]}
    assert event.personal["after"] == {"parent": "示例科技/财务部", "administrators": []}
    move(finance, house.market)
    event = AuditEvent.objects.latest("number")
    assert event.personal["after"] == {"parent": "示例科技/市场部", "administrators": ["Bob"]}
    move(house.east, house.market)
    event = AuditEvent.objects.latest("number")
    assert event.personal["after"] == {"parent": "示例科技/市场部"}


def test_who_chose_a_department_before_it_moved_is_counted_where_it_is_now(house, wang, finance):
    before = Department.objects.get(pk=house.east.pk)
    move(house.east, finance)
    said = {"name": "李四", "domain": house.domain, "prefix": "lisi", "phone": "13900139000", "departments": [before]}
    lisi = create_member(house.enterprise, by=BY, **said)
    assert is_true(house.enterprise)
    before = Department.objects.get(pk=house.east.pk)
    move(house.east, house.market)
    edit_member(lisi, by=BY, **said | {"departments": [house.root, before]})
    assert is_true(house.enterprise)


def test_it_takes_as_many_statements_for_a_hundred_as_for_one(house, wang, finance):
    def statements(department, parent):
        with CaptureQueriesContext(connection) as asked:
            move(department, parent)
        return len(asked)

    few = statements(house.east, finance)
    for number in range(100):
        child = build_department(house.enterprise, f"{number}", Department.objects.get(pk=house.east.pk))
        build_member(house, "李四", f"p{number}", f"+861390013{number:04}", department=child)
    assert statements(house.east, house.market) <= few
    assert is_true(house.enterprise)


@pytest.fixture
def wood(house):
    """`wood(dice)`: departments at any place, of few names, and members in up to three of them, some in the bin."""

    def grow(dice):
        tree = [house.root, house.market, house.east]
        for number in range(20):
            with suppress(ValidationError):
                tree.append(add_department(dice.choice(tree), name=str(number % 7), by=BY))
        for number in range(25):
            member = build_member(house, "李四", f"p{number}", f"+861390013{number:04}", department=dice.choice(tree))
            others = set(dice.sample(tree, 2)) - {member.main_department}
            Membership.objects.bulk_create(Membership(member=member, department=one) for one in others)
            move_counts(before=[member.main_department], after=[member.main_department, *others])
        delete_members(house.enterprise, [member.pk for member in Member.objects.all()[::5]], by=BY)
        return tree

    return grow


@pytest.mark.parametrize("seed", range(4))
def test_after_any_moves_path_depth_and_counts_are_as_computed_anew(house, wood, seed):
    dice = random.Random(seed)
    tree, moves = wood(dice), 0
    assert is_true(house.enterprise)
    for _step in range(30):
        with suppress(ValidationError):
            move(*dice.sample(tree, 2))
            moves += 1
        assert is_true(house.enterprise)
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


def test_an_import_previewed_before_goes_where_its_departments_are_now(house, alice, finance, checked):
    rows = [person(1), person(2, departments="新组/一班")]
    imported = checked(house.east, alice, *rows, create_departments=True)
    move(house.east, finance)
    assert applied(imported, alice) == ("done", 2, 0, 0)
    assert Member.objects.under(Department.objects.get(pk=finance.pk)).count() == 2
    assert is_true(house.enterprise)


def test_an_import_whose_paths_are_too_deep_by_now_refuses_them(house, alice, finance, checked):
    imported = checked(house.east, alice, person(1), person(2, departments="新组/一班"), create_departments=True)
    for level in range(2, 14):
        finance = add_department(finance, name=f"level {level}", by=BY)
    move(house.east, finance)
    assert applied(imported, alice) == ("done", 1, 0, 1)
    assert is_true(house.enterprise)


def test_an_import_touches_nothing_that_moved_out_of_its_authors_reach(house, bob, wang, finance, checked):
    rows = [person(1), person(2, departments="华东组"), person(3, prefix="wangfang", phone="13800138002")]
    imported = checked(house.market, bob, *rows, mode="update")
    move(house.east, finance)
    assert applied(imported, bob) == ("done", 1, 0, 2)
    assert reasons(imported) == [
        "One of these departments is no longer among those you look after.",
        "The member is no longer in the directory, or in no department that you look after.",
    ]
    wang.refresh_from_db()
    assert wang.name == "王芳"
    assert is_true(house.enterprise)


def test_an_update_keeps_who_also_stands_out_of_its_authors_reach_there(house, bob, wang, finance, checked):
    Membership.objects.create(member=wang, department=house.market)
    move_counts(before=[house.east], after=[house.east, house.market])
    imported = checked(house.market, bob, person(3, prefix="wangfang", phone="13800138002"), mode="update")
    move(house.east, finance)
    assert applied(imported, bob) == ("done", 0, 1, 0)
    assert set(wang.departments.all()) == {house.east, house.market}
    assert is_true(house.enterprise)


def at_once(*actions):
    """What each returned; None for the refused."""
    done = racing.at_once(*actions, refusals=(ValidationError,))
    return [None if isinstance(one, ValidationError) else one for one in done]


def on_postgresql(test):
    return pytest.mark.postgres(pytest.mark.django_db(transaction=True)(test))


@on_postgresql
def test_of_two_that_go_below_each_other_one_goes(house, finance):
    for _round in range(10):
        done = at_once(lambda: move(house.market, finance), lambda: move(finance, house.market))
        assert sum(map(bool, done)) == 1
        assert is_true(house.enterprise)
        move(next(filter(None, done)), house.root)


@on_postgresql
def test_of_two_with_one_name_that_go_to_one_place_one_goes(house, finance):
    twins = [build_department(house.enterprise, "一组", above) for above in (finance, house.east)]
    done = at_once(*[lambda one=one: move(one, house.root) for one in twins])
    assert sum(map(bool, done)) == 1
    assert is_true(house.enterprise)


@on_postgresql
def test_what_grows_below_while_it_moves_is_never_too_deep(house, finance):
    deep = house.east
    for level in range(3, 9):
        deep = add_department(deep, name=f"level {level}", by=BY)
    for level in range(2, 9):
        finance = add_department(finance, name=f"level {level}", by=BY)
    done = at_once(lambda: move(house.east, finance), lambda: add_department(deep, name="one more", by=BY))
    assert sum(map(bool, done)) == 1
    assert is_true(house.enterprise)


@on_postgresql
def test_whoever_enters_or_leaves_while_it_moves_is_counted_where_it_is(house, finance):
    members = [build_member(house, "王五", f"w{n}", f"+861380013{n:04}", department=house.east) for n in range(4)]
    said = {"name": "李四", "domain": house.domain, "departments": [house.east]}

    def enter(number):
        create_member(house.enterprise, by=BY, **said, prefix=f"p{number}", phone=f"139{number:08}")

    def leave(member):
        delete_members(house.enterprise, [member.pk], by=BY)

    at_once(
        *[lambda to=to: move(house.east, to) for to in (finance, house.root, house.market)],
        *[lambda number=number: enter(number) for number in range(4)],
        *[lambda member=member: leave(member) for member in members],
    )
    assert is_true(house.enterprise)
    assert Department.objects.get(pk=house.east.pk).members_below == 4
