"""Jobs that a department administrator started with more reach than now name people they may no longer see (A14)."""

from __future__ import annotations

import pytest

from accounts.audit.recording import command_actor
from accounts.models import Role
from conftest import build_member
from directory.administrators.actions import appoint_user, change_role, remove_administrator
from directory.bulk_actions.job import open_bulk_action, work_on_bulk_actions
from directory.imports.actions import begin_import, start_follow_up
from directory.imports.job import work_on_imports
from directory.imports.upload import start_import
from directory.models import Department, Member, Membership
from directory.tests.imports.workbooks import person, upload, xlsx
from invitations.applications.decide_job import open_decision, work_on_decisions
from invitations.batches.send import open_batch, send_batches
from invitations.models import Application
from invitations.tests.people import apply


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.IMPORT_DIR = tmp_path / "imports"
    settings.EXPORT_DIR = tmp_path / "exports"
    settings.IMPORT_ROWS_AT_ONCE = 0


def narrow(user, *departments, name=Role.Name.DEPARTMENT_ADMIN):
    change_role(user.roles.get(), name=name, departments=departments, by=command_actor())


def do_import(department, author, number=1):
    by = command_actor(author)
    imported = start_import(department, by=by, upload=upload(xlsx(person(number)), name=f"file{number}.xlsx"))
    work_on_imports()
    begin_import(imported, by=by)
    work_on_imports()
    imported.refresh_from_db()
    return imported


def pages_of(imported):
    page = f"/console/imports/{imported.pk}/"
    return [("GET", page), ("GET", f"{page}failed.xlsx"), *(("POST", page + one) for one in ACTIONS)]


ACTIONS = ("apply/", "cancel/", "repair/", "undo/", "invite/", "codes.xlsx")


def answers(client, requests):
    return {client.generic(method, url).status_code for method, url in requests}


def test_older_imports_are_not_found(client_of, tenant, dora):
    imported = do_import(tenant.market, dora)
    narrow(dora, tenant.market)
    client = client_of(dora)
    assert answers(client, pages_of(imported)) == {404}
    assert "file1.xlsx" not in client.get("/console/imports/").text
    assert "file1.xlsx" not in client.get("/console/invitations/new/").text
    assert "成员1" not in client.get(f"/console/members/?import={imported.pk}").text
    newer = do_import(tenant.market, dora, 2)
    assert 404 not in answers(client, pages_of(newer))
    assert "file2.xlsx" in client.get("/console/imports/").text


def test_older_batches_bulk_actions_and_decisions_are_not_found(client_of, open_tenant, dora):
    build_member(open_tenant, "外面", "outside", "+8613900139009")
    apply(open_tenant.enterprise)
    by, enterprise = command_actor(dora), open_tenant.enterprise
    batch = open_batch(enterprise, Member.objects.present(), by=by)
    action = open_bulk_action(enterprise, "disable", Member.objects.present(), by=by)
    decision = open_decision(enterprise, Application.objects.all(), "approved", by=by)
    narrow(dora, open_tenant.market)
    send_batches()
    work_on_bulk_actions()
    work_on_decisions()
    client = client_of(dora)
    urls = [f"invitations/{batch.pk}/", f"members/bulk/{action.pk}/", f"applications/decisions/{decision.pk}/"]
    assert answers(client, [("GET", f"/console/{url}") for url in urls]) == {404}
    for url in ("invitations/", "members/bulk/", "applications/"):
        assert "Dora" not in client.get(f"/console/{url}").text.partition("<main")[2], url


def test_only_what_takes_reach_away_hides_older_jobs(client_of, tenant, bob):
    imported = do_import(tenant.market, bob)
    page = [("GET", f"/console/imports/{imported.pk}/")]
    narrow(bob, tenant.market, tenant.root)
    assert answers(client_of(bob), page) == {200}, "more reach hides nothing"
    narrow(bob, tenant.market)
    assert answers(client_of(bob), page) == {404}
    other = do_import(tenant.market, bob, 2)
    remove_administrator(bob.roles.get(), by=command_actor())
    appoint_user(tenant.enterprise, user=bob, name="department_admin", departments=[tenant.market], by=command_actor())
    assert answers(client_of(bob), [("GET", f"/console/imports/{other.pk}/")]) == {404}, "appointed again"
    narrow(bob, name="admin")
    assert answers(client_of(bob), page) == {200}


def test_an_import_into_a_department_that_was_moved_away_is_not_found(client_of, tenant, bob):
    imported = do_import(tenant.east, bob)
    Department.objects.filter(pk=tenant.east.pk).update(path=f"{tenant.root.path}{tenant.east.pk}/", parent=tenant.root)
    assert answers(client_of(bob), pages_of(imported)) == {404}


def test_people_who_have_left_the_department_are_no_longer_listed(client_of, open_tenant, bob, alice, wang):
    stays = build_member(open_tenant, "留下", "stays", "+8613900139009", department=open_tenant.east)
    batch = open_batch(open_tenant.enterprise, Member.objects.filter(pk__in=[wang.pk, stays.pk]), by=command_actor(bob))
    send_batches()
    apply(open_tenant.enterprise)
    Application.objects.update(department=open_tenant.east)
    decision = open_decision(open_tenant.enterprise, Application.objects.all(), "approved", by=command_actor(bob))
    Application.objects.update(department=open_tenant.root)
    work_on_decisions()
    Membership.objects.filter(member=wang).update(department=open_tenant.root)
    page = client_of(bob).get(f"/console/invitations/{batch.pk}/").text
    assert "留下" in page
    assert "王芳" not in page
    assert "王芳" in client_of(alice).get(f"/console/invitations/{batch.pk}/").text
    assert "张伟" not in client_of(bob).get(f"/console/applications/decisions/{decision.pk}/").text
    assert "张伟" in client_of(alice).get(f"/console/applications/decisions/{decision.pk}/").text


def test_a_follow_up_that_waits_ends_at_the_present_reach(tenant, dora):
    imported = do_import(tenant.root, dora)
    start_follow_up(imported, "invite", by=command_actor(dora))
    narrow(dora, tenant.market)
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.invited, imported.follow_up) == (None, "")
    assert "is no longer managed" in imported.follow_up_reason
