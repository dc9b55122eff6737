"""Activation codes in the console: issued on save and by button, shown once."""

from __future__ import annotations

import re

import pytest

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from conftest import audit_events, build_member
from directory.joining.activation_codes import find_code, issue_code
from directory.models import ActivationCode, Member
from directory.tests.members.test_create import filled
from sms.models import Message

CODE = re.compile(r"\b[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}\b")


@pytest.fixture
def console(client_of, alice):
    return client_of(alice)


def by_code(tenant, **fields):
    return filled(tenant, activation="code", phone="", **fields)


def test_saving_a_member_activated_by_code_shows_the_code_once(console, tenant):
    answer = console.post("/console/members/new/", by_code(tenant))
    member = Member.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/console/members/{member.pk}/")
    assert (member.phone, member.activation) == (None, "code")
    (code,) = set(CODE.findall(console.get(answer["Location"]).content.decode()))
    assert find_code(code).member == member
    assert not CODE.search(console.get(answer["Location"]).content.decode())


def test_the_code_waits_for_the_page_of_its_member(console, tenant, wang):
    console.post("/console/members/new/", by_code(tenant))
    member = Member.objects.get(name="李四")
    assert not CODE.search(console.get(f"/console/members/{wang.pk}/").content.decode())
    assert console.head(f"/console/members/{member.pk}/").status_code == 200
    assert CODE.search(console.get(f"/console/members/{member.pk}/").content.decode())


def test_save_and_add_another_shows_it_above_the_next_form(console, tenant):
    answer = console.post("/console/members/new/", by_code(tenant, save_and_add="1"))
    page = console.get(answer["Location"]).content.decode()
    assert CODE.search(page)
    assert "李四" in page


def test_members_who_join_by_code_get_no_message(console, tenant):
    fields = filled(tenant, activation="code", phone="13900139000", send_invitation="on")
    page = console.post("/console/members/new/", fields, follow=True).content.decode()
    assert "No SMS was sent" in page
    assert not Message.objects.exists()
    member = Member.objects.get()
    assert "/invite/" not in console.get(f"/console/members/{member.pk}/").content.decode()
    console.post(f"/console/members/{member.pk}/invite/")
    assert not Message.objects.exists()


def test_a_phone_is_needed_only_for_joining_by_phone(console, tenant):
    page = console.get("/console/members/new/").content.decode()
    assert re.search(r'<input[^>]*name="phone"[^>]*required', page)
    answer = console.post("/console/members/new/", filled(tenant, phone=""))
    assert answer.status_code == 422
    assert "phone" in answer.context["form"].errors
    answer = console.post("/console/members/new/", by_code(tenant, name=""))
    assert list(answer.context["form"].errors) == ["name"]
    assert not re.search(r'<input[^>]*name="phone"[^>]*required', answer.content.decode())


def test_a_new_code_supersedes_the_one_before(console, tenant):
    member = build_member(tenant, "周工", "zhou", None, activation="code")
    old = issue_code(member, by=command_actor())
    page = console.post(f"/console/members/{member.pk}/code/", follow=True).content.decode()
    (code,) = set(CODE.findall(page))
    assert code != old
    assert find_code(old) is None
    assert find_code(code).member == member
    event = AuditEvent.objects.get(action="activation_codes_issued", actor_user_id__isnull=False)
    assert event.target_id == str(member.pk)
    assert code not in str(event.personal)


def test_switching_to_a_code_makes_one_and_back_kills_it(console, tenant, wang):
    url = f"/console/members/{wang.pk}/edit/"
    fields = filled(tenant, name="王芳", prefix="wangfang", account="wangfang")
    answer = console.post(url, fields | {"activation": "code", "phone": ""})
    (code,) = set(CODE.findall(console.get(answer["Location"]).content.decode()))
    wang.refresh_from_db()
    assert (wang.phone, wang.activation) == (None, "code")
    console.post(url, fields | {"activation": "code", "phone": "", "name": "王芳芳"})
    assert find_code(code), "an edit that leaves the activation alone leaves the code alone"
    assert not CODE.search(console.get(answer["Location"]).content.decode())
    console.post(url, fields)
    assert find_code(code) is None
    wang.refresh_from_db()
    assert wang.activation == "phone"


def test_disabling_kills_the_code(console, tenant):
    member = build_member(tenant, "周工", "zhou", None, activation="code")
    code = issue_code(member, by=command_actor())
    console.post(f"/console/members/{member.pk}/disable/")
    console.post(f"/console/members/{member.pk}/enable/")
    assert find_code(code) is None
    assert "There is no activation code" in console.get(f"/console/members/{member.pk}/").content.decode()


@pytest.mark.parametrize("status", ["active", "disabled", "pending"])
def test_members_who_join_by_phone_get_no_code(console, tenant, wang, status):
    Member.objects.filter(pk=wang.pk).update(status=status)
    assert console.post(f"/console/members/{wang.pk}/code/").status_code == 303
    assert not ActivationCode.objects.exists()
    assert not audit_events().exists()


def test_a_department_admin_who_sees_no_phones_keeps_the_one_on_record(client_of, bob, tenant):
    member = build_member(tenant, "周工", "zhou", "+8613900000007", activation="code", department=tenant.market)
    fields = by_code(tenant, name="周师傅", prefix="zhou", account="zhou")
    assert client_of(bob).post(f"/console/members/{member.pk}/edit/", fields).status_code == 303
    member.refresh_from_db()
    assert (member.name, member.phone) == ("周师傅", "+8613900000007")


def test_a_role_that_sees_phones_can_clear_one(console, tenant):
    member = build_member(tenant, "周工", "zhou", "+8613900000007", activation="code")
    fields = by_code(tenant, name="周工", prefix="zhou", account="zhou")
    assert console.post(f"/console/members/{member.pk}/edit/", fields).status_code == 303
    member.refresh_from_db()
    assert member.phone is None
