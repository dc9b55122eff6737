import json

import pytest
from django.db import IntegrityError

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent
from conftest import build_member
from directory.members.actions import create_member, edit_member
from directory.models import Address, Department, Invitation, Member

URL = "/console/members/new/"
NAUGHTY = [
    "👩‍🚀",
    "<script>alert(1)</script>",
    "𠮷野家",
    "O'Neil; DROP TABLE",
    "Ｆｕｌｌ　Ｗｉｄｔｈ",
    "{{ 7*7 }}",
    "ß" * 64,
]


def filled(tenant, **fields):
    return {
        "name": "李四", "prefix": "lisi", "domain": tenant.domain.name, "phone": "13900139000", "account": "",
        "departments": [tenant.market.pk], "main_department": "", "position": "", "activation": "phone", "aliases": "",
    } | fields  # fmt: skip


def made():
    return Member.objects.order_by("-pk").first()


def test_the_form_presets_the_root_and_the_default_domain(client_of, alice, tenant):
    page = client_of(alice).get(URL).content.decode()
    assert f'<option value="{tenant.root.pk}" selected>' in page
    assert f'<option value="{tenant.domain.name}">' in page
    assert "示例科技/市场部/华东组" in page


def test_a_member_is_created_and_shown(client_of, alice, tenant):
    answer = client_of(alice).post(
        URL, filled(tenant, phone="１３９ 0013-9000", position=" 经理 ", aliases="li; si@example.com")
    )
    member = made()
    assert (answer.status_code, answer["Location"]) == (303, f"/console/members/{member.pk}/")
    assert (member.name, member.account, member.phone, member.status) == ("李四", "lisi", "+8613900139000", "pending")
    assert (member.position, member.pinyin, member.main_department) == ("经理", "lisi", tenant.market)
    assert {str(address) for address in member.addresses.all()} == {
        f"{one}@example.com" for one in ("lisi", "li", "si")
    }
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 1
    event = AuditEvent.objects.get(action="member_created")
    assert event.target_id == str(member.pk)
    assert "13900139000" not in json.dumps(event.personal)


def test_every_field_says_at_once_what_is_wrong_with_it(client_of, alice, tenant):
    wrong = filled(tenant, name="", prefix=".a", phone="12345", position="x" * 129, aliases="x@elsewhere.example")
    errors = client_of(alice).post(URL, wrong).context["form"].errors
    assert {field: len(messages) for field, messages in errors.items()} == dict.fromkeys(
        ["name", "prefix", "phone", "position", "aliases"], 1
    )


def test_an_empty_field_says_what_to_enter(client_of, alice, tenant):
    empty = filled(tenant, name="", prefix="", phone="", domain="")
    errors = client_of(alice).post(URL, empty).context["form"].errors
    assert [errors[field] for field in ("name", "prefix", "phone", "domain")] == [
        ["Enter the name."],
        ["Enter the mailbox prefix."],
        ["Enter a phone number."],
        ["Fill in this field."],
    ]


def test_no_departments_means_the_root(client_of, alice, tenant):
    client_of(alice).post(URL, filled(tenant, departments=[]))
    assert made().main_department == tenant.root


def test_the_main_department_is_one_of_the_chosen(client_of, alice, tenant):
    client = client_of(alice)
    answer = client.post(URL, filled(tenant, main_department=tenant.root.pk))
    assert answer.status_code == 422
    assert "main_department" in answer.context["form"].errors
    client.post(URL, filled(tenant, departments=[tenant.east.pk, tenant.root.pk], main_department=tenant.root.pk))
    assert made().main_department == tenant.root


def test_saving_with_the_invitation_ticked_sends_it(client_of, alice, tenant):
    client_of(alice).post(URL, filled(tenant, send_invitation="on"))
    assert Invitation.objects.get().member == made()


def test_without_the_tick_nothing_is_sent(client_of, alice, tenant):
    client_of(alice).post(URL, filled(tenant))
    assert not Invitation.objects.exists()


def test_save_and_add_shows_a_blank_form_with_department_and_domain(client_of, alice, tenant):
    client = client_of(alice)
    answer = client.post(URL, filled(tenant, save_and_add="1"))
    assert answer.status_code == 303
    page = client.get(answer["Location"])
    assert page.context["form"]["departments"].value() == [tenant.market.pk]
    assert page.context["form"]["domain"].value() == "example.com"
    assert not page.context["form"]["name"].value()
    assert "李四" in page.content.decode()


def test_a_conflict_names_its_holder_and_keeps_what_was_typed(client_of, alice, tenant, wang):
    answer = client_of(alice).post(
        URL, filled(tenant, phone="13800138002", account="WANGFANG", prefix="wangfang", aliases="li")
    )
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert errors["phone"] == ["138 0013 8002 belongs to 王芳 (华东组, Not joined)"]
    assert errors["account"] == ["WANGFANG belongs to 王芳 (华东组, Not joined)"]
    assert errors["prefix"] == ["wangfang@example.com belongs to 王芳 (华东组, Not joined)"]
    page = answer.content.decode()
    assert 'aria-invalid="true"' in page
    assert 'value="13800138002"' in page
    assert made() == wang


def test_a_department_administrator_hears_no_names_from_elsewhere(client_of, bob, tenant, zhao):
    answer = client_of(bob).post(URL, filled(tenant, phone="13800138003"))
    assert answer.context["form"].errors["phone"] == ["138 0013 8003 belongs to a member outside your departments."]
    assert "赵敏" not in answer.content.decode()


def test_a_department_administrator_adds_to_their_own_departments_only(client_of, bob, tenant):
    client = client_of(bob)
    assert client.post(URL, filled(tenant, departments=[tenant.root.pk])).status_code == 422
    assert client.post(URL, filled(tenant, departments=[])).status_code == 303
    assert made().main_department == tenant.market


def test_a_reserved_address_is_refused(client_of, alice, tenant):
    Address.objects.create(enterprise=tenant.enterprise, domain=tenant.domain, local="abuse", purpose="reserved")
    answer = client_of(alice).post(URL, filled(tenant, prefix="Abuse"))
    assert answer.context["form"].errors["prefix"] == ["abuse@example.com is reserved."]


def test_a_blank_account_becomes_the_whole_address_where_the_prefix_is_taken(client_of, alice, tenant):
    build_member(tenant, "旧", "old", "+8613800138009")
    Member.objects.update(account="LiSi")
    client_of(alice).post(URL, filled(tenant))
    assert made().account == "lisi@example.com"


@pytest.mark.parametrize("name", NAUGHTY)
def test_naughty_names_are_kept_as_they_are(client_of, alice, tenant, name):
    client = client_of(alice)
    answer = client.post(URL, filled(tenant, name=name))
    assert answer.status_code == 303
    page = client.get(answer["Location"]).content.decode()
    assert "<script>alert" not in page
    assert client.get("/console/members/", {"q": made().name[:3]}).status_code == 200


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""), ("name", " "), ("name", "a" * 65), ("name", "x" * 10000), ("name", "a\0b"), ("name", "a\u202eb"),
        ("name", "\u200b"), ("prefix", ""), ("prefix", "a" * 65), ("prefix", "a..b"), ("prefix", "-a"),
        ("name", "a\ufffeb"), ("prefix", "a-"),
        ("prefix", "李"), ("prefix", "a b"), ("prefix", "a@example.com"), ("account", "a" * 65), ("account", "_a"),
        ("account", "李"), ("phone", ""), ("phone", "010-12345678"), ("phone", "1380013800"), ("phone", "x"),
        ("position", "a" * 129), ("domain", "other.example"), ("domain", ""), ("departments", [999999]),
        ("departments", ["x"]), ("main_department", "x"), ("activation", ""), ("activation", "x"),
        ("aliases", "a;b;c;d;e;f"), ("aliases", "a@elsewhere.example"), ("aliases", "-"), ("aliases", "lisi"),
    ],
)  # fmt: skip
def test_an_invalid_value_shows_an_error_beside_its_field(client_of, alice, tenant, field, text):
    answer = client_of(alice).post(URL, filled(tenant, **{field: text}))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "a"), ("name", "李" * 64), ("prefix", "a"), ("prefix", "a" * 64), ("prefix", "Ａ.b-c_d"),
        ("account", "a" * 64), ("account", "9_-@."), ("position", "a" * 128), ("aliases", "a;b;c;d;e"),
        ("phone", "+14155552671"), ("phone", "0086 139 0013 9000"),
    ],
)  # fmt: skip
def test_what_reaches_the_limit_is_taken(client_of, alice, tenant, field, text):
    assert client_of(alice).post(URL, filled(tenant, **{field: text})).status_code == 303


def test_twenty_departments_are_the_limit(client_of, alice, tenant):
    ids = []
    for number in range(21):
        one = Department.objects.create(enterprise=tenant.enterprise, parent=tenant.root, name=f"d{number}", depth=1)
        Department.objects.filter(pk=one.pk).update(path=f"{tenant.root.path}{one.pk}/")
        ids.append(one.pk)
    client = client_of(alice)
    assert "departments" in client.post(URL, filled(tenant, departments=ids)).context["form"].errors
    assert client.post(URL, filled(tenant, departments=ids[:20])).status_code == 303


def test_another_enterprises_department_and_domain_are_refused(client_of, alice, tenant, other_tenant):
    answer = client_of(alice).post(URL, filled(tenant, departments=[other_tenant.root.pk], domain="other.example"))
    assert set(answer.context["form"].errors) == {"departments", "domain"}


def test_extra_fields_change_nothing(client_of, alice, tenant, other_tenant):
    client_of(alice).post(URL, filled(tenant, enterprise=other_tenant.enterprise.pk, status="active", user=alice.pk))
    assert (made().enterprise, made().status, made().user) == (tenant.enterprise, "pending", None)


def test_an_auditor_may_not_add(client_of, erin, tenant):
    assert client_of(erin).get(URL).status_code == 403
    assert client_of(erin).post(URL, filled(tenant)).status_code == 403


def test_wrong_methods_are_refused(client_of, alice):
    assert client_of(alice).put(URL).status_code == 405
    assert client_of(alice).delete(URL).status_code == 405


def test_an_error_of_the_database_that_no_conflict_explains_is_not_swallowed(tenant, lin, monkeypatch):
    """T10: a race's error is told as the conflict it comes from; any other must be seen."""

    def refuse(*_positional, **_named):
        raise IntegrityError

    typed = {"name": "李四", "prefix": "lisi", "domain": tenant.domain, "phone": "+8613900139000"}
    with monkeypatch.context() as patch:
        patch.setattr("directory.members.actions.insert_members", refuse)
        with pytest.raises(IntegrityError):
            create_member(tenant.enterprise, by=command_actor(), **typed)
        patch.setattr("directory.members.actions.edit_members", refuse)
        with pytest.raises(IntegrityError):
            edit_member(lin, by=command_actor(), **typed)
    assert not Member.objects.filter(name="李四").exists()
