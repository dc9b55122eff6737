"""The mailbox page, and who may see it."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Role, User
from conftest import build_member
from directory.models import Address, Member


@pytest.fixture
def phone(client_of, lin) -> Client:
    return client_of(lin.user, method="code", enterprise=lin.enterprise)


def test_it_shows_address_aliases_and_departments(phone, lin, tenant):
    Address.objects.create(
        enterprise=tenant.enterprise, domain=tenant.domain, local="xiao.lin", purpose="alias", member=lin
    )
    text = phone.get("/mailbox/").text
    for words in ("linxiao@example.com", "xiao.lin@example.com", "示例科技", "市场部", "/mailbox/devices/"):
        assert words in text


def test_it_links_to_the_webmail_and_shows_the_servers(phone, tenant):
    tenant.domain.webmail_url = "https://webmail.example.com/"
    tenant.domain.imap, tenant.domain.smtp = "imap.example.com:993 SSL", "smtp.example.com:465 SSL"
    tenant.domain.save()
    text = phone.get("/mailbox/").text
    assert 'href="https://webmail.example.com/"' in text
    assert "imap.example.com:993 SSL" in text
    assert "smtp.example.com:465 SSL" in text


def test_it_says_plainly_when_the_administrator_has_not_set_the_webmail(phone):
    assert "Your administrator can add it in the settings" in phone.get("/mailbox/").text


def test_only_administrators_see_the_link_to_the_console(phone, lin):
    assert 'href="/console/"' not in phone.get("/mailbox/").text
    Role.objects.create(user=lin.user, enterprise=lin.enterprise, name="auditor")
    assert 'href="/console/"' in phone.get("/mailbox/").text


def test_only_members_of_several_enterprises_can_switch(phone, lin, other_tenant):
    assert 'href="/choose/"' not in phone.get("/mailbox/").text
    build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    assert 'href="/choose/"' in phone.get("/mailbox/").text


@pytest.mark.parametrize(
    "change",
    [{"status": "disabled"}, {"status": "pending"}, {"phone": "+8613800138009"}, {"user": None}],
)
def test_membership_is_checked_on_each_request(phone, lin, change):
    assert phone.get("/mailbox/").status_code == 200
    Member.objects.filter(pk=lin.pk).update(**change)
    answer = phone.get("/mailbox/")
    assert (answer.status_code, answer["Location"]) == (302, "/choose/")
    assert phone.get("/")["Location"] == "/choose/"


def test_a_member_in_the_bin_sees_nothing(phone, lin):
    Member.objects.filter(pk=lin.pk).update(deleted_at=lin.created_at)
    assert phone.get("/mailbox/")["Location"] == "/choose/"


def test_a_user_with_another_phone_is_the_member_no_longer(phone, lin):
    User.objects.filter(pk=lin.user_id).update(phone="+8613800138099")
    assert phone.get("/mailbox/")["Location"] == "/choose/"


def test_disabled_here_leaves_the_other_enterprise_alone(phone, lin, other_tenant):
    build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    Member.objects.filter(pk=lin.pk).update(status="disabled")
    text = phone.get("/choose/").text
    assert "示例科技" not in text
    phone.post(f"/choose/{other_tenant.enterprise.pk}/")
    assert "lin@other.example" in phone.get("/mailbox/").text


def test_another_enterprise_in_the_session_opens_nothing(client_of, lin, other_tenant):
    build_member(other_tenant, "别人", "bieren", "+8613900139000", status="active")
    forged = client_of(lin.user, method="code", enterprise=other_tenant.enterprise)
    assert forged.get("/mailbox/")["Location"] == "/choose/"


def test_an_administrator_without_a_mailbox_has_none(client_of, alice):
    assert client_of(alice).get("/mailbox/")["Location"] == "/choose/"


def test_the_page_is_kept_by_no_cache(phone):
    assert "no-store" in phone.get("/mailbox/")["Cache-Control"]


def test_a_name_of_any_signs_is_shown_as_text(phone, lin):
    Member.objects.filter(pk=lin.pk).update(name="<script>alert(1)</script>\u202e😀")
    text = phone.get("/mailbox/").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
