"""The bin: deleted, restored, purged (product.md, rule 9)."""

import datetime
import json

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts.audit.recording import Actor, command_actor, recording
from accounts.audit.verification import verify_chain
from accounts.models import AuditEvent, User
from conftest import build_member, build_user
from directory.departments.actions import delete_department
from directory.entry.phone_lookup import enterprises_of
from directory.joining.actions import join_member
from directory.joining.invitations import invite_member
from directory.members.actions import create_member, edit_member
from directory.members.erasure import _acted, _invited_by, erase_deleted_members, erase_member
from directory.members.mentions import NAMING
from directory.members.recycle_bin import delete_members, restore_members
from directory.models import Address, Import, ImportRow, Invitation, Member, Membership
from invitations.applications.apply import ApplicationInput, file_application
from invitations.links.actions import colleague_link_url, find_link
from sms.models import Message, PhoneAttemptCounter, PhoneCode
from sms.retention import delete_expired_codes

BY = command_actor()


def url(member, action=""):
    return f"/console/members/{member.pk}/{action}"


def delete(*members):
    return delete_members(members[0].enterprise, [member.pk for member in members], by=BY)


def restore(*members):
    return restore_members(members[0].enterprise, [member.pk for member in members], by=BY)


def grow_old(member, *, seconds=0, days=30):
    """As if the member had been deleted so long ago."""
    since = timezone.now() - datetime.timedelta(days=days, seconds=seconds)
    Member.objects.filter(pk=member.pk).update(deleted_at=since)


def refusals(tenant, **details):
    with pytest.raises(ValidationError) as refused:
        create_member(tenant.enterprise, by=BY, name="新人", domain=tenant.domain, **details)
    return refused.value.message_dict


def test_the_bin_shows_who_deleted_a_member_when_and_the_days_left(client_of, alice, wang, lin):
    client = client_of(alice)
    answer = client.post(url(wang, "delete/"))
    assert (answer.status_code, answer["Location"]) == (303, url(wang))
    page = client.get(url(wang)).content.decode()
    for text in ('data-state="deleted"', "Restore", "30 days left", "by Alice", "restore/"):
        assert text in page
    assert "edit/" not in page
    listed = client.get("/console/members/").content.decode()
    assert "王芳" not in listed
    assert "林晓" in listed
    binned = client.get("/console/members/?status=deleted").content.decode()
    assert "王芳" in binned
    assert "30 days left" in binned
    assert "林晓" not in binned
    event = AuditEvent.objects.get(action="member_deleted")
    assert (event.target_id, event.personal["before"]["name"]) == (str(wang.pk), "王芳")


def test_deleting_ends_sessions_here_unlinks_the_user_and_kills_what_is_open(client_of, alice, lin, wang, tenant):
    invite_member(wang, by=BY)
    phone = client_of(lin.user, method="code", enterprise=tenant.enterprise)
    assert phone.get("/mailbox/").status_code == 200
    delete(lin, wang)
    assert phone.get("/mailbox/").status_code == 302
    lin.refresh_from_db()
    assert (lin.user, lin.status) == (None, "pending")
    assert User.objects.filter(phone="+8613800138001").exists()
    assert Invitation.objects.get().revoked_at
    assert Message.objects.get().state == "cancelled"
    assert enterprises_of("+8613800138001") == []


def test_counts_of_departments_leave_and_return_with_the_member(tenant, wang, lin, zhao):
    wang.memberships.create(department=tenant.market)
    delete(wang, lin)
    tenant.root.refresh_from_db()
    tenant.market.refresh_from_db()
    tenant.east.refresh_from_db()
    assert (tenant.root.members_below, tenant.market.members_below, tenant.east.members_below) == (1, 0, 0)
    restore(wang, lin)
    tenant.root.refresh_from_db()
    tenant.market.refresh_from_db()
    tenant.east.refresh_from_db()
    assert (tenant.root.members_below, tenant.market.members_below, tenant.east.members_below) == (3, 2, 1)


def test_deleting_or_restoring_twice_counts_once(tenant, wang):
    assert (delete(wang), delete(wang)) == (1, 0)
    assert (len(restore(wang)), len(restore(wang))) == (1, 0)
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 1


@translation.override("en")
def test_address_and_account_stay_taken_and_the_phone_is_free(tenant, wang):
    delete(wang)
    errors = refusals(tenant, prefix="wangfang", account="WangFang", phone="13800138002")
    assert set(errors) == {"prefix", "account"}
    assert all("王芳" in error[0] and "in the recycle bin" in error[0] for error in errors.values())
    taker = create_member(
        tenant.enterprise, by=BY, name="新人", domain=tenant.domain, prefix="xin", phone="13800138002"
    )
    assert taker.phone == wang.phone


def test_restored_without_a_phone_that_is_in_use_and_says_whose_it_is(client_of, alice, tenant, wang):
    delete(wang)
    create_member(tenant.enterprise, by=BY, name="新人", domain=tenant.domain, prefix="xin", phone="13800138002")
    client = client_of(alice)
    page = client.post(url(wang, "restore/"), follow=True).content.decode()
    assert "without a phone" in page
    assert "新人" in page
    wang.refresh_from_db()
    assert (wang.deleted_at, wang.phone, wang.phone_reversed, wang.activation) == (None, None, None, "code")


def test_of_two_in_the_bin_with_one_phone_the_first_gets_it(tenant, wang):
    delete(wang)
    second = create_member(
        tenant.enterprise, by=BY, name="新人", domain=tenant.domain, prefix="xin", phone="13800138002"
    )
    delete(second)
    first, other = restore(wang, second)
    assert (first.phone_holder, other.phone_holder) == (None, first.member)


def test_restored_into_the_root_if_the_department_is_gone(client_of, alice, tenant, wang):
    delete(wang)
    delete_department(tenant.east, by=BY)
    page = client_of(alice).post(url(wang, "restore/"), follow=True).content.decode()
    assert "root department" in page
    wang.refresh_from_db()
    assert wang.main_department == tenant.root
    assert list(wang.departments.all()) == [tenant.root]
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 1


def test_a_department_with_members_still_in_the_directory_stays(tenant, wang):
    with pytest.raises(ValidationError):
        delete_department(tenant.east, by=BY)


def test_a_restored_member_is_pending_and_joins_again(lin):
    phone = lin.phone
    delete(lin)
    with pytest.raises(ValidationError):
        join_member(lin, phone=phone, by=BY)
    restore(lin)
    lin.refresh_from_db()
    assert lin.status == "pending"
    join_member(lin, phone=phone, by=BY)
    assert (lin.status, lin.user.phone) == ("active", phone)


def test_a_disabled_member_is_back_disabled(zhao):
    delete(zhao)
    restore(zhao)
    zhao.refresh_from_db()
    assert (zhao.status, zhao.deleted_at) == ("disabled", None)


def test_a_role_stays_and_the_page_says_so(client_of, alice, tenant):
    user = build_user("frida", tenant, "admin")
    User.objects.filter(pk=user.pk).update(phone="+8613900000001")
    frida = build_member(tenant, "弗里达", "frida", "+8613900000001", status="active", user=user)
    client = client_of(alice)
    assert "keeps the administrator role" in client.get(url(frida)).content.decode()
    client.post(url(frida, "delete/"))
    assert user.roles.get().name == "admin"
    assert client_of(user).get("/console/").status_code == 200


def test_the_user_an_activation_code_made_goes_with_the_member(tenant):
    user = User.objects.create_user(login="zhou@example.com", password="long enough a password")
    zhou = build_member(tenant, "周", "zhou", None, activation="code", status="active", user=user)
    delete(zhou)
    assert not User.objects.filter(pk=user.pk).exists()
    restore(zhou)
    zhou.refresh_from_db()
    assert (zhou.status, zhou.user) == ("pending", None)


@pytest.mark.parametrize("action", ["edit/", "invite/", "disable/", "enable/", "code/", "delete/"])
def test_a_deleted_member_can_only_be_restored(client_of, alice, wang, action):
    delete(wang)
    assert client_of(alice).post(url(wang, action)).status_code == 404


def test_an_edit_that_comes_late_is_refused(tenant, wang):
    delete(wang)
    with pytest.raises(ValidationError):
        edit_member(wang, by=BY, name="王方", prefix="wangfang", domain=tenant.domain, phone="13800138002")


@pytest.mark.parametrize(("person", "status"), [("bob", 303), ("erin", 403), ("charlie", 404)])
def test_only_permitted_roles_restore(request, client_of, wang, person, status):
    user = request.getfixturevalue(person)
    delete(wang)
    assert client_of(user).post(url(wang, "restore/")).status_code == status


def test_a_department_admin_sees_only_their_own_in_the_bin(client_of, bob, wang, zhao):
    delete(wang, zhao)
    client = client_of(bob)
    page = client.get("/console/members/?status=deleted").content.decode()
    assert "王芳" in page
    assert "赵敏" not in page
    assert client.post(url(zhao, "restore/")).status_code == 404


def test_the_bin_is_searched_and_filtered_like_the_directory(client_of, alice, tenant, wang, lin, zhao):
    delete(wang, lin, zhao)
    client = client_of(alice)
    page = client.get("/console/members/?status=deleted&q=8002").content.decode()
    assert "王芳" in page
    assert "林晓" not in page
    page = client.get(f"/console/members/?status=deleted&department={tenant.market.pk}").content.decode()
    assert "林晓" in page
    assert "赵敏" not in page


def test_many_are_deleted_after_a_page_that_says_how_many(client_of, alice, wang, lin, zhao):
    client = client_of(alice)
    chosen = {"members": [wang.pk, lin.pk]}
    page = client.post("/console/members/delete/", chosen)
    assert page.status_code == 200
    assert "Delete 2 members?" in page.content.decode()
    assert "1 of them has joined" in page.content.decode()
    assert Member.objects.present().count() == 3
    assert client.post("/console/members/delete/", chosen | {"confirmed": "2"}).status_code == 303
    assert list(Member.objects.present()) == [zhao]
    event = AuditEvent.objects.get(action="members_deleted")
    assert event.personal["after"] == {"members": sorted([lin.pk, wang.pk])}


def test_if_it_became_another_number_the_page_comes_again(client_of, alice, tenant, wang, lin):
    client = client_of(alice)
    matching = {"all_matching": "1", "department": tenant.market.pk, "confirmed": "2"}
    build_member(tenant, "迟到", "late", "+8613900000009", department=tenant.east)
    page = client.post("/console/members/delete/", matching)
    assert "Delete 3 members?" in page.content.decode()
    assert Member.objects.present().count() == 3


def test_all_that_match_are_deleted_and_restored(client_of, alice, tenant, wang, lin, zhao):
    client = client_of(alice)
    client.post("/console/members/delete/", {"all_matching": "1", "department": tenant.market.pk, "confirmed": "2"})
    assert list(Member.objects.present()) == [zhao]
    answer = client.post("/console/members/restore/", {"all_matching": "1", "status": "deleted"})
    assert answer.status_code == 303
    assert Member.objects.present().count() == 3
    assert client.post("/console/members/delete/", {"members": []}, follow=True).status_code == 200


def test_the_bin_is_never_beside_the_directory(client_of, alice, tenant, wang, lin):
    """Neither a notice nor an invitation nor the export of the directory reaches into it."""
    delete(wang)
    client = client_of(alice)
    client.post("/console/members/invite/", {"all_matching": "1", "status": "deleted", "q": "wang"})
    client.post("/console/members/invite/", {"members": [wang.pk]})
    assert Invitation.objects.count() == 0
    assert "王芳" not in client.get("/console/invitations/new/?status=deleted").content.decode()
    with pytest.raises(Exception, match="in the recycle bin"):
        invite_member(wang, by=BY)


# --- the end


def dump(tmp_path):
    """Every row of every table as text."""
    file = tmp_path / "dump.json"
    call_command("dumpdata", output=str(file), verbosity=0)
    return file.read_text()


def purged(member):
    member.refresh_from_db()
    return member.erased_at is not None


def test_members_are_erased_after_exactly_thirty_days(wang, lin):
    delete(wang, lin)
    grow_old(wang)
    grow_old(lin, seconds=-2)
    assert (erase_deleted_members(), purged(wang), purged(lin)) == (1, True, False)
    assert erase_deleted_members() == 0


def test_a_purged_member_is_found_nowhere_and_frees_address_and_account(client_of, alice, tenant, wang):
    delete(wang)
    grow_old(wang)
    erase_deleted_members()
    client = client_of(alice)
    assert client.get(url(wang)).status_code == 404
    assert client.post(url(wang, "restore/")).status_code == 404
    assert "The recycle bin is empty" in client.get("/console/members/?status=deleted").content.decode()
    again = create_member(
        tenant.enterprise, by=BY, name="王芳", domain=tenant.domain, prefix="wangfang", phone=wang.phone
    )
    assert again.account == "wangfang"


def test_nothing_is_left_of_a_purged_person(client_of, tenant, alice, tmp_path):
    """Every row of every table is searched for what they were called by; the audit chain verifies as before."""
    details = {"name": "金丝雀", "prefix": "canary.bird", "phone": "13900139777", "position": "鸣禽 warbler"}
    canary = create_member(tenant.enterprise, by=BY, domain=tenant.domain, aliases=["canary.alias"], **details)
    invite_member(canary, by=BY)
    join_member(canary, phone=canary.phone, by=BY)
    friend = build_member(tenant, "朋友", "friend", "+8613900139001")
    Member.objects.filter(pk=friend.pk).update(origin={"inviter": canary.pk, "invited_by": "金丝雀", "link": 1})
    client_of(alice).post("/console/members/new/", {**details, "prefix": "other", "domain": "example.com"})
    delete(canary)
    grow_old(canary)
    traces = {"金丝雀", "\\u91d1\\u4e1d\\u96c0", "canary", "13900139777", "139****9777", "warbler", "jinsique"}
    assert {trace for trace in traces if trace in dump(tmp_path)} >= traces - {"\\u91d1\\u4e1d\\u96c0"}
    assert erase_deleted_members() == 1
    left = dump(tmp_path)
    assert {trace for trace in traces if trace in left} == set()
    assert "朋友" in left
    assert verify_chain(tenant.enterprise.pk) is None
    assert not User.objects.filter(phone="+8613900139777").exists()


def test_nothing_is_left_of_a_purged_persons_codes(tenant, lin, tmp_path):
    browser = Client()
    browser.post("/login/", {"phone": str(lin.phone)})
    assert browser.post("/login/code/", {"code": "000000"}).status_code == 422
    assert Message.objects.filter(to=lin.phone).exists()
    assert PhoneAttemptCounter.objects.get(phone=lin.phone).failures == 1
    Message.objects.update(created_at=timezone.now() - datetime.timedelta(days=31))
    delete(lin)
    grow_old(lin)
    assert erase_deleted_members() == 1
    PhoneCode.objects.update(created_at=timezone.now() - datetime.timedelta(days=2))
    delete_expired_codes()
    assert [row for row in json.loads(dump(tmp_path)) if "13800138001" in str(row)] == []


def test_nothing_is_left_of_a_purged_inviter(tenant, lin, tmp_path):
    tenant.enterprise.is_joining_open = True
    tenant.enterprise.save()
    link = find_link(colleague_link_url(lin).split("/")[-2])
    file_application(link, ApplicationInput("客人", "guest"), phone="+8613900139001", by=BY)
    delete(lin)
    grow_old(lin)
    erase_deleted_members()
    assert "林晓" not in (left := dump(tmp_path))
    assert "客人" in left
    assert verify_chain(tenant.enterprise.pk) is None


def test_a_purged_person_is_erased_in_every_log_with_a_record(lin, other_tenant, tmp_path):
    user, other = lin.user, other_tenant.enterprise
    by = Actor(user=user, name="林晓", via="member")
    with recording(other, by=by) as record:
        record("signed_in", user)
    with recording(other, by=BY) as record:
        record("factors_reset", user)
    delete(lin)
    grow_old(lin)
    erase_deleted_members()
    assert "林晓" not in dump(tmp_path)
    assert verify_chain(lin.enterprise.pk) is None
    assert verify_chain(other.pk) is None
    assert AuditEvent.objects.get(enterprise=other, action="personal_data_erased").erased == "2-3"


def test_erasing_now_erases_what_imports_keep_of_the_member(tenant, wang, alice, tmp_path):
    imported = Import.objects.create(enterprise=tenant.enterprise, author=alice, state="done")
    cells = {"name": "王芳", "phone": "13800138002"}
    kept = {"cells": cells, "facts": cells, "previous": cells, "notes": [{"column": "name", "from": "王 芳"}]}
    ImportRow.objects.create(import_job=imported, number=2, verdict="updated", member=wang, **kept)
    delete(wang)
    assert erase_member(wang, by=BY)
    left = dump(tmp_path)
    assert {trace for trace in ("王芳", "王 芳", "13800138002") if trace in left} == set()


def test_import_rows_are_searched_before_the_enterprise_is_locked(tenant, wang, lin, alice, settings):
    imported = Import.objects.create(enterprise=tenant.enterprise, author=alice, state="done")
    named = {"column": "phone", "text": "138 0013 8002 belongs to %(name)s.", "params": {"name": "王芳"}}
    other = {"column": "phone", "text": "138 0013 8001 belongs to %(name)s.", "params": {"name": "林晓"}}
    rows = [ImportRow(import_job=imported, number=n, verdict="refused", problems=[other]) for n in range(2, 30)]
    rows += [ImportRow(import_job=imported, number=30, verdict="refused", problems=[other, named])]
    rows += [ImportRow(import_job=imported, number=31, verdict="created", undo="kept", member=lin, problems=[named])]
    ImportRow.objects.bulk_create(rows)
    delete(wang)
    grow_old(wang)
    with CaptureQueriesContext(connection) as queries:
        erase_deleted_members()
    statements = [query["sql"] for query in queries]
    lock = next(n for n, sql in enumerate(statements) if "accounts_auditchain" in sql)
    assert any("directory_importrow" in sql for sql in statements[:lock])
    late = [sql for sql in statements[lock:] if sql.startswith("SELECT") and "directory_importrow" in sql]
    assert all("member_id" in sql.partition("WHERE")[2] or '"id" > ' in sql or "state" in sql for sql in late), late
    assert [row.problems for row in imported.rows.filter(number__gte=29).order_by("number")] == [[other], [other], []]


@pytest.mark.sqlite_only
def test_what_is_erased_is_found_by_an_index(wang):
    """On PostgreSQL the plan depends on statistics."""
    rows = ImportRow.objects.filter(import_job=1, number__gt=5)
    for found, index in (
        (_invited_by([wang]), "member_by_inviter"),
        (AuditEvent.objects.filter(_acted([1, 2])), "audit_event_by_actor"),
        (Message.objects.filter(to__in=["+8613800138002"]), "message_by_number"),
        (rows.filter(NAMING[0]).order_by("number"), "import_row_refused"),
        (rows.filter(NAMING[1]).order_by("number"), "import_row_kept"),
    ):
        assert index in found.explain(), found.explain()


def test_texts_of_imports_that_name_the_purged_are_emptied(tenant, wang, alice):
    imported = Import.objects.create(enterprise=tenant.enterprise, author=alice, state="done")
    named = {"column": "phone", "text": "138 0013 8002 belongs to 王芳 (华东组, Not joined)"}
    ImportRow.objects.create(import_job=imported, number=2, verdict="refused", problems=[named])
    ImportRow.objects.create(
        import_job=imported, number=3, verdict="refused", problems=[{"column": "name", "text": "Blank."}]
    )
    delete(wang)
    grow_old(wang)
    erase_deleted_members()
    assert [row.problems for row in imported.rows.order_by("number")] == [[], [{"column": "name", "text": "Blank."}]]


def test_a_user_who_is_a_member_elsewhere_stays(lin, other_tenant):
    user = lin.user
    build_member(other_tenant, "林晓", "linxiao", lin.phone, status="active", user=user)
    delete(lin)
    grow_old(lin)
    erase_deleted_members()
    assert User.objects.filter(pk=user.pk).exists()
    assert (
        Address.objects.filter(enterprise=other_tenant.enterprise).count()
        == 1 + other_tenant.enterprise.addresses.filter(purpose="reserved").count()
    )


def test_an_address_in_the_bin_is_freed_now(client_of, alice, tenant, wang):
    address = wang.addresses.get()
    delete(wang)
    browser = client_of(alice)
    assert f'action="{url(wang, "erase/")}"' in browser.get(url(wang)).text
    answer = browser.post(url(wang, "erase/"))
    assert (answer.status_code, answer.url) == (303, "/console/members/?status=deleted")
    wang.refresh_from_db()
    assert (wang.name, wang.phone) == ("", None)
    assert not Address.objects.filter(pk=address.pk).exists()
    event = AuditEvent.objects.get(action="members_purged")
    assert (event.actor_user_id, event.enterprise) == (alice.pk, tenant.enterprise)
    assert browser.post(url(wang, "erase/")).status_code == 404


def test_only_a_deleted_member_is_erased(client_of, alice, wang):
    assert client_of(alice).post(url(wang, "erase/")).status_code == 404
    wang.refresh_from_db()
    assert wang.name


def test_a_department_administrator_erases_nobody(client_of, bob, wang, tenant):
    Membership.objects.filter(member=wang).update(department=tenant.east)
    delete(wang)
    browser = client_of(bob)
    assert "erase/" not in browser.get(url(wang)).text
    assert browser.post(url(wang, "erase/")).status_code == 403


def test_erasing_takes_a_recent_proof(client_of, alice, wang):
    delete(wang)
    browser = client_of(alice)
    session = browser.session
    for key in ("factor_at", "proved_at"):
        session[key] = session.get(key, 0) - 601
    session.save()
    assert browser.post(url(wang, "erase/")).status_code == 422
    wang.refresh_from_db()
    assert wang.name


def test_a_restored_member_must_rejoin_and_the_page_says_so(client_of, alice, lin):
    delete(lin)
    browser = client_of(alice)
    assert "have to join again" in browser.get(url(lin)).text
    page = browser.post(url(lin, "restore/"), follow=True).text
    assert "Restored members have to join again." in page
    assert 'href="/console/members/?status=pending"' in page
    assert f'action="/console/members/{lin.pk}/invite/"' in page


def test_a_disabled_member_is_restored_without_that_word(client_of, alice, zhao):
    delete(zhao)
    assert "Restored members" not in client_of(alice).post(url(zhao, "restore/"), follow=True).text
