import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent, User
from accounts.tests.sessions import open_sessions
from conftest import build_member
from directory.joining.invitations import invite_member
from directory.members.actions import disable_members
from directory.members.recycle_bin import delete_members
from directory.models import Invitation, Member


def url(member, action=""):
    return f"/console/members/{member.pk}/{action}"


def edited(member, **fields):
    primary = member.addresses.get(purpose="primary")
    return {
        "name": member.name, "prefix": primary.local, "domain": primary.domain.name, "phone": member.phone,
        "account": member.account, "departments": [one.pk for one in member.departments.all()],
        "main_department": member.main_department_id, "activation": "phone", "position": "", "aliases": "",
    } | fields  # fmt: skip


def test_the_page_shows_all_facts_and_the_state(client_of, alice, lin):
    page = client_of(alice).get(url(lin)).content.decode()
    for text in ('data-state="active"', "林晓", "linxiao@example.com", "138 0013 8001", "示例科技/市场部", "disable/"):
        assert text in page


def test_an_auditor_sees_a_masked_phone_and_no_actions(client_of, erin, lin):
    page = client_of(erin).get(url(lin)).content.decode()
    assert "138****8001" in page
    assert "disable/" not in page
    assert "138 0013 8001" not in page


@pytest.mark.parametrize("action", ["", "edit/", "invite/", "disable/", "enable/"])
def test_foreign_members_are_not_found(client_of, charlie, lin, action):
    client = client_of(charlie)
    assert (client.post if action not in ("",) else client.get)(url(lin, action)).status_code == 404
    lin.refresh_from_db()
    assert lin.status == "active"


@pytest.mark.parametrize("action", ["", "edit/", "invite/", "disable/", "enable/"])
def test_members_outside_the_own_departments_are_not_found(client_of, bob, zhao, action):
    client = client_of(bob)
    assert (client.post if action else client.get)(url(zhao, action)).status_code == 404


@pytest.mark.parametrize("action", ["invite/", "disable/", "enable/"])
def test_actions_are_posts(client_of, alice, lin, action):
    assert client_of(alice).get(url(lin, action)).status_code == 302


@pytest.mark.parametrize("action", ["edit/", "disable/", "enable/", "invite/"])
def test_an_auditor_may_do_nothing(client_of, erin, wang, action):
    assert client_of(erin).post(url(wang, action)).status_code == 403


def test_disabling_signs_out_here_and_kills_the_invitation(client_of, alice, wang, tenant):
    invite_member(wang, by=command_actor())
    answer = client_of(alice).post(url(wang, "disable/"))
    assert (answer.status_code, answer["Location"]) == (303, url(wang))
    wang.refresh_from_db()
    assert wang.status == "disabled"
    assert Invitation.objects.get().revoked_at
    assert AuditEvent.objects.filter(action="member_disabled").count() == 1
    client_of(alice).post(url(wang, "disable/"))
    assert AuditEvent.objects.filter(action="member_disabled").count() == 1


def test_enabling_makes_active_whose_user_still_counts_and_others_pending(client_of, alice, lin, zhao):
    client = client_of(alice)
    client.post(url(lin, "disable/"))
    client.post(url(lin, "enable/"))
    client.post(url(zhao, "enable/"))
    lin.refresh_from_db()
    zhao.refresh_from_db()
    assert (lin.status, zhao.status) == ("active", "pending")


def test_another_phone_unlinks_the_user_and_makes_pending(client_of, alice, lin):
    Member.objects.filter(pk=lin.pk).update(invited_at=timezone.now())
    answer = client_of(alice).post(url(lin, "edit/"), edited(lin, phone="13900139001"))
    assert answer.status_code == 303
    lin.refresh_from_db()
    assert (lin.status, lin.user, lin.phone) == ("pending", None, "+8613900139001")
    assert lin.invited_at is None, "no invitation leads to this phone"
    assert User.objects.filter(phone="+8613800138001").exists()


def test_editing_leaves_the_rest_and_records_before_and_after(client_of, alice, lin, tenant):
    client_of(alice).post(
        url(lin, "edit/"),
        edited(
            lin,
            name="林小晓",
            prefix="xiao",
            aliases="linxiao",
            departments=[tenant.east.pk, tenant.root.pk],
            main_department="",
        ),
    )
    lin.refresh_from_db()
    assert (lin.status, lin.name, lin.pinyin, lin.main_department) == ("active", "林小晓", "linxiaoxiao", tenant.east)
    assert [(str(one), one.purpose) for one in lin.addresses.order_by("pk")] == [
        ("xiao@example.com", "primary"), ("linxiao@example.com", "alias"),
    ]  # fmt: skip
    event = AuditEvent.objects.get(action="member_edited")
    assert event.personal["before"]["name"] == "林晓"
    assert event.personal["after"]["name"] == "林小晓"


def test_a_department_administrator_edits_without_seeing_phone_or_other_departments(client_of, bob, wang, tenant):
    wang.memberships.create(department=tenant.root)
    client = client_of(bob)
    page = client.get(url(wang, "edit/")).content.decode()
    assert "13800138002" not in page
    answer = client.post(
        url(wang, "edit/"), edited(wang, phone="", name="王方", departments=[tenant.market.pk], main_department="")
    )
    assert answer.status_code == 303
    wang.refresh_from_db()
    assert (wang.phone, wang.name, wang.main_department) == ("+8613800138002", "王方", tenant.market)
    assert set(wang.departments.all()) == {tenant.market, tenant.root}


def test_an_invitation_is_sent_from_the_page_and_shown_in_its_history(client_of, alice, wang):
    client = client_of(alice)
    assert client.post(url(wang, "invite/")).status_code == 303
    page = client.get(url(wang)).content.decode()
    assert "Waiting" in page
    assert "Send again" in page
    client.post(url(wang, "invite/"))
    assert Invitation.objects.count() == 1


def test_invitations_go_to_those_chosen_and_to_no_foreigner(client_of, alice, wang, lin, other_tenant):
    stranger = build_member(other_tenant, "外人", "stranger", "+8613700137000")
    answer = client_of(alice).post("/console/members/invite/", {"members": [wang.pk, lin.pk, stranger.pk, "x"]})
    assert answer.status_code == 303
    assert [one.member for one in Invitation.objects.all()] == [wang]


def test_invitations_go_to_all_that_match_and_have_not_joined(client_of, alice, bob, wang, lin, zhao, tenant):
    client_of(alice).post("/console/members/invite/", {"all_matching": "1", "department": tenant.market.pk, "q": ""})
    assert [one.member for one in Invitation.objects.all()] == [wang]
    assert Member.objects.get(pk=zhao.pk).invited_at is None


def test_an_id_beyond_all_numbers_is_not_found(client_of, alice, tenant):
    client = client_of(alice)
    assert client.get(f"/console/members/{'9' * 40}/").status_code == 404
    assert client.get(f"/console/members/new/?department={'9' * 5000}&department=-1&domain=x").status_code == 200
    assert client.get(f"/console/departments/?department={'9' * 5000}").status_code == 200
    assert client.post("/console/members/invite/", {"members": "9" * 5000}).status_code == 303


def test_choosing_nobody_says_so(client_of, alice):
    client = client_of(alice)
    answer = client.post("/console/members/invite/", follow=True)
    assert "No members selected." in answer.content.decode()
    assert client.get("/console/members/invite/").status_code == 302


def join_members(tenant, count, **fields):
    """Members with a user who is signed in in two browsers; the users have no phone if they joined by code."""
    members = []
    for number in range(count):
        phone = None if fields else f"+861390000{number:04}"
        user = User.objects.create_user(login=f"user{number}", phone=phone, name="李四")
        members.append(build_member(tenant, "李四", f"m{number}", phone, status="active", user=user, **fields))
        open_sessions(user, tenant.enterprise, count=2)
    return [member.pk for member in members]


@pytest.mark.parametrize(
    ("act", "fields"),
    [(disable_members, {}), (delete_members, {}), (delete_members, {"activation": "code"})],
    ids=["disable", "delete", "delete users made by a code"],
)
def test_the_sessions_of_many_members_end_in_as_many_queries_as_those_of_few(tenant, other_tenant, act, fields):
    queries = []
    for one, count in ((tenant, 3), (other_tenant, 50)):
        ids = join_members(one, count, **fields)
        with CaptureQueriesContext(connection) as captured:
            act(one.enterprise, ids, by=command_actor())
        queries.append(len(captured))
        assert not UserSession.objects.exists()
        assert not Session.objects.exists()
        User.objects.all().delete()
    assert queries[0] == queries[1]
