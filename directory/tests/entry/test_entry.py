"""The home page and the choice of enterprises: redirects, and what each person may enter or join."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from conftest import build_member
from directory.models import Member
from directory.tests.phone import code_to, link_to
from sms.models import Message

PENDING_PHONE = "+8613800138002"


@pytest.fixture
def phone(client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def sign_in_by_code(client: Client, number: str) -> str:
    """Sign in by the page; return the URL that it redirects to."""
    client.post("/login/", {"phone": number})
    answer = client.post("/login/code/", {"code": code_to(number)}, follow=True)
    return answer.redirect_chain[-1][0]


def away(member, days):
    Member.objects.filter(pk=member.pk).update(last_entered_at=timezone.now() - timedelta(days=days))


def test_the_home_page_redirects_anonymous_visitors_to_sign_in(phone):
    answer = phone.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/")


def test_it_redirects_administrators_to_the_console_and_members_to_the_mailbox(client_of, alice, lin):
    assert client_of(alice).get("/")["Location"] == "/console/"
    member = client_of(lin.user, method="code", enterprise=lin.enterprise)
    assert member.get("/")["Location"] == "/mailbox/"


def test_it_redirects_people_in_no_enterprise_to_the_choice(client_of, lin):
    lost = client_of(lin.user, method="code")
    assert lost.get("/")["Location"] == "/choose/"


def test_an_administrator_with_a_mailbox_is_redirected_by_their_sign_in(client_of, lin):
    Role.objects.create(user=lin.user, enterprise=lin.enterprise, name="admin")
    assert client_of(lin.user, method="code").get("/")["Location"] == "/mailbox/"
    assert client_of(lin.user, method="password").get("/")["Location"] == "/console/"


@pytest.mark.parametrize("path", ["/choose/", "/mailbox/"])
def test_a_visitor_without_a_verified_phone_signs_in_first(phone, path):
    assert phone.get(path)["Location"].startswith("/login/")


@pytest.mark.parametrize("path", ["/choose/1/", "/choose/1/join/"])
def test_actions_without_a_verified_phone_do_nothing(phone, path):
    assert phone.post(path)["Location"].startswith("/login/")


def test_a_member_of_one_enterprise_enters_it_by_signing_in(phone, lin):
    assert sign_in_by_code(phone, str(lin.phone)) == "/mailbox/"
    lin.refresh_from_db()
    assert lin.last_entered_at


def test_a_pending_member_joins_at_the_sign_in(phone, wang):
    assert sign_in_by_code(phone, PENDING_PHONE) == "/choose/"
    assert not User.objects.filter(roles=None).exists()
    page = phone.get("/choose/")
    assert "示例科技" in page.text
    assert f'action="/choose/{wang.pk}/join/"' in page.text

    joined = phone.post(f"/choose/{wang.pk}/join/")
    assert (joined.status_code, joined["Location"]) == (303, "/mailbox/")
    assert phone.get("/mailbox/").status_code == 200
    wang.refresh_from_db()
    assert (wang.status, str(wang.user.phone)) == ("active", PENDING_PHONE)


def test_nobody_joins_as_someone_else(phone, wang, tenant):
    other = build_member(tenant, "孙二", "suner", "+8613800138007")
    sign_in_by_code(phone, PENDING_PHONE)
    assert phone.post(f"/choose/{other.pk}/join/").status_code == 404
    assert phone.post("/choose/999999999999999999999999/join/").status_code == 404
    other.refresh_from_db()
    assert other.status == "pending"


def test_a_member_of_several_enterprises_chooses_and_switches(phone, lin, other_tenant):
    there = build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    page = phone.get("/choose/").text
    assert "示例科技" in page
    assert "别家公司" in page

    phone.post(f"/choose/{there.enterprise_id}/")
    assert "lin@other.example" in phone.get("/mailbox/").text
    phone.post(f"/choose/{lin.enterprise_id}/")
    assert "linxiao@example.com" in phone.get("/mailbox/").text


def test_an_enterprise_one_does_not_belong_to_cannot_be_entered(phone, lin, other_tenant):
    sign_in_by_code(phone, str(lin.phone))
    assert phone.post(f"/choose/{other_tenant.enterprise.pk}/").status_code == 404
    assert phone.session["enterprise"] == lin.enterprise_id


def test_a_member_here_who_is_invited_there_may_join_from_the_choice(phone, lin, other_tenant):
    there = build_member(other_tenant, "林晓", "lin", str(lin.phone))
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    phone.post(f"/choose/{there.pk}/join/")
    assert "lin@other.example" in phone.get("/mailbox/").text
    there.refresh_from_db()
    assert there.user == lin.user


def test_a_password_alone_proves_no_phone_and_joins_nothing(client_of, alice, wang):
    alice.phone = wang.phone
    alice.save()
    browser = client_of(alice)
    assert "/join/" not in browser.get("/choose/").text
    assert browser.post(f"/choose/{wang.pk}/join/").status_code == 404


def test_a_person_in_no_enterprise_gets_an_explanation(phone, wang):
    sign_in_by_code(phone, PENDING_PHONE)
    Member.objects.filter(pk=wang.pk).update(status="disabled")
    page = phone.get("/choose/")
    assert page.status_code == 200
    assert "This number isn't in any directory" in page.text
    assert "138****8002" in page.text
    assert 'action="/logout/"' in page.text
    assert not User.objects.filter(roles=None).exists()


def test_a_member_disabled_after_the_page_was_shown_does_not_join(phone, wang):
    sign_in_by_code(phone, PENDING_PHONE)
    phone.get("/choose/")
    Member.objects.filter(pk=wang.pk).update(status="disabled")
    assert phone.post(f"/choose/{wang.pk}/join/").status_code == 404
    assert not User.objects.filter(roles=None).exists()


@pytest.mark.parametrize(("days", "page"), [(179.99, "/mailbox/"), (180, "/choose/")])
def test_after_half_a_year_a_code_no_longer_opens_the_enterprise(phone, lin, days, page):
    away(lin, days)
    assert sign_in_by_code(phone, str(lin.phone)) == page


def test_a_dormant_member_returns_by_a_new_invitation(phone, client_of, alice, lin):
    away(lin, 200)
    sign_in_by_code(phone, str(lin.phone))
    page = phone.get("/choose/").text
    assert "Ask an administrator" in page
    assert f'action="/choose/{lin.enterprise_id}/' not in page
    assert phone.post(f"/choose/{lin.enterprise_id}/")["Location"] == "/choose/"
    assert phone.get("/mailbox/")["Location"] == "/choose/"
    assert not Message.objects.filter(kind="invitation").exists()

    console = client_of(alice)
    assert f"/console/members/{lin.pk}/invite/" in console.get(f"/console/members/{lin.pk}/").text
    assert console.post(f"/console/members/{lin.pk}/invite/").status_code == 303
    phone.get(link_to(lin.phone))
    phone.post("/i/send/")
    assert phone.post("/i/join/", {"code": code_to(lin.phone)})["Location"] == "/mailbox/"
    assert phone.get("/mailbox/").status_code == 200


@pytest.mark.parametrize("path", ["/choose/1/", "/choose/1/join/"])
def test_choosing_is_a_post(client_of, lin, path):
    assert client_of(lin.user, method="code").get(path).status_code == 302


def test_a_verified_number_can_be_dropped_for_another(phone, wang):
    sign_in_by_code(phone, PENDING_PHONE)
    assert phone.post("/logout/").status_code == 303
    assert phone.get("/choose/")["Location"].startswith("/login/")


def test_a_proof_lasts_ten_minutes(phone, wang):
    sign_in_by_code(phone, PENDING_PHONE)
    session = phone.session
    session["proven_at"] -= 600
    session.save()
    assert phone.post(f"/choose/{wang.pk}/join/")["Location"].startswith("/login/")
    wang.refresh_from_db()
    assert wang.status == "pending"


def test_an_administrator_who_was_never_inside_signs_in_by_code(phone, tenant):
    """T4: there is no last time that could be too long ago."""
    user = User.objects.create_user(phone="+8613800138009", name="新来")
    role = Role.objects.create(user=user, enterprise=tenant.enterprise, name="admin")
    assert role.last_entered_at is None
    assert "factors" in sign_in_by_code(phone, "+8613800138009"), "on the way to the console"
