"""Who acts on an import: the person who pressed the button, with their own rights, also in the background."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string

from accounts.audit.recording import command_actor
from accounts.models import AuditEvent, Role, User
from conftest import build_member
from directory.administrators.actions import change_role
from directory.imports.actions import begin_import, repair_row, start_follow_up, waiting_for_code
from directory.imports.job import work_on_imports
from directory.imports.upload import start_import
from directory.members.actions import create_member
from directory.models import ActivationCode, Import, Member, Membership
from directory.tests.imports.workbooks import person, upload, xlsx


@pytest.fixture(autouse=True)
def _by_workers(settings):
    settings.IMPORT_ROWS_AT_ONCE = 0


@pytest.fixture
def imported(tenant, dora) -> Import:
    """Dora's import of two members."""
    return do_import(tenant.root, dora)


def do_import(department, author) -> Import:
    started = start_import(department, by=command_actor(author), upload=upload(xlsx(person(1), person(2))))
    work_on_imports()
    begin_import(started, by=command_actor(author))
    work_on_imports()
    started.refresh_from_db()
    return started


def events(*actions):
    """Return action, actor, address and way of the latest events, the oldest first."""
    found = AuditEvent.objects.filter(action__in=actions).order_by("number")
    return [(one.action, one.actor_user_id, one.role, one.ip, one.via) for one in found]


def test_an_undo_is_recorded_at_the_press_and_done_in_the_presser_s_name(client_of, imported, alice):
    client_of(alice).post(f"/console/imports/{imported.pk}/undo/", REMOTE_ADDR="203.0.113.7")
    pressed = ("import_undo_started", alice.pk, "owner", "203.0.113.7", "web")
    assert events("import_undo_started", "import_undone") == [pressed]
    work_on_imports()
    done = ("import_undone", alice.pk, "owner", "", "task")
    assert events("import_undo_started", "import_undone") == [pressed, done]
    assert not Member.objects.present().exists()


def test_invitations_are_recorded_at_the_press_and_sent_in_the_presser_s_name(client_of, imported, alice):
    client_of(alice).post(f"/console/imports/{imported.pk}/invite/", {"expected": 2}, REMOTE_ADDR="203.0.113.7")
    work_on_imports()
    assert events("import_invite_started", "invitations_sent") == [
        ("import_invite_started", alice.pk, "owner", "203.0.113.7", "web"),
        ("invitations_sent", alice.pk, "owner", "", "task"),
    ]
    assert {one.sent_by for member in Member.objects.all() for one in member.invitations.all()} == {alice}


def test_an_import_is_applied_in_the_name_of_whoever_pressed_import(tenant, dora, alice):
    started = start_import(tenant.root, by=command_actor(dora), upload=upload(xlsx(person(1))))
    work_on_imports()
    Role.objects.filter(user=dora).delete()
    begin_import(started, by=command_actor(alice))
    work_on_imports()
    started.refresh_from_db()
    assert (started.state, started.author, started.created) == ("done", dora, 1)
    assert events("import_finished") == [("import_finished", alice.pk, "owner", "", "task")]
    assert Member.objects.get().origin["by"] == "Alice"


def test_a_row_is_checked_again_for_whoever_repaired_it(tenant, dora, alice):
    started = start_import(tenant.root, by=command_actor(dora), upload=upload(xlsx(person(1, phone="139"))))
    work_on_imports()
    Role.objects.filter(user=dora).delete()
    repair_row(started, 2, {"phone": "13900000001"}, by=command_actor(alice))
    work_on_imports()
    started.refresh_from_db()
    assert (started.state, started.created, started.refused) == ("ready", 1, 0)


def test_an_import_of_an_administrator_who_left_is_undone_by_whoever_presses(client_of, imported, alice, dora):
    Role.objects.filter(user=dora).delete()
    client_of(alice).post(f"/console/imports/{imported.pk}/undo/")
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.undone, imported.kept, imported.follow_up) == (2, 0, "")


@pytest.mark.parametrize("follow_up", Import.FollowUp.values)
def test_a_follow_up_whose_presser_lost_the_right_ends_with_a_reason(client_of, imported, alice, dora, follow_up):
    start_follow_up(imported, follow_up, by=command_actor(dora))
    Role.objects.filter(user=dora).update(name="auditor")
    work_on_imports()
    page = client_of(alice).get(f"/console/imports/{imported.pk}/").text
    assert "no longer has permission" in page
    assert events("import_stopped") == [("import_stopped", dora.pk, "auditor", "", "task")]
    assert Member.objects.present().filter(invited_at=None).count() == 2
    start_follow_up(imported, follow_up, by=command_actor(alice))
    work_on_imports()
    imported.refresh_from_db()
    assert imported.follow_up_reason == ""
    assert {imported.undone, imported.invited} == {2, None}


AFTER_A_CHUNK = {
    "apply": "directory.imports.apply.insert_members",
    "undo": "directory.imports.undo.rows.replace_import_rows",
    "invite": "directory.imports.job.invite_members",
}


@pytest.mark.parametrize("step", AFTER_A_CHUNK)
def test_the_actor_s_right_is_read_again_for_each_chunk(tenant, dora, alice, step, monkeypatch):
    monkeypatch.setattr("directory.imports.apply.CHUNK", 1)
    monkeypatch.setattr("directory.imports.undo.rows.CHUNK", 1)
    monkeypatch.setattr("directory.imports.job.INVITED_AT_ONCE", 1)
    imported = start_import(tenant.root, by=command_actor(dora), upload=upload(xlsx(person(1), person(2))))
    work_on_imports()
    deactivates = deactivating(import_string(AFTER_A_CHUNK[step]), alice)
    if step == "apply":
        monkeypatch.setattr(AFTER_A_CHUNK[step], deactivates)
        begin_import(imported, by=command_actor(alice))
    else:
        begin_import(imported, by=command_actor(dora))
        work_on_imports()
        monkeypatch.setattr(AFTER_A_CHUNK[step], deactivates)
        start_follow_up(imported, step, by=command_actor(alice))
    work_on_imports()
    imported.refresh_from_db()
    assert Member.objects.present().filter(invited_at=None).count() == 1
    assert "no longer has permission" in imported.reason + imported.follow_up_reason
    assert not imported.is_working


def deactivating(action, user):
    """Return `action`, after which the user is deactivated."""

    def act(*args, **kwargs):
        outcome = action(*args, **kwargs)
        User.objects.filter(pk=user.pk).update(is_active=False)
        return outcome

    return act


def test_only_the_members_that_an_import_created_are_invited(tenant, alice, wang):
    """T2: not those whom it only changed, although they have never been invited either."""
    by = command_actor(alice)
    rows = [person(1), person(2, name="王芳", prefix="wangfang", phone="13800138002", position="经理")]
    started = start_import(tenant.root, by=by, upload=upload(xlsx(*rows)), mode="update")
    work_on_imports()
    begin_import(started, by=by)
    work_on_imports()
    started.refresh_from_db()
    assert (started.created, started.updated) == (1, 1)
    start_follow_up(started, Import.FollowUp.INVITE, by=by)
    work_on_imports()
    assert [member.name for member in Member.objects.exclude(invited_at=None)] == ["成员1"]


def test_a_row_is_not_tied_to_a_twin_whom_the_author_may_not_see(tenant, bob, alice):
    """T3: made between preview and import, equal in everything, in a department that the author no longer manages."""
    by = command_actor(bob)
    started = start_import(tenant.market, by=by, upload=upload(xlsx(person(1))))
    work_on_imports()
    twin = create_member(
        tenant.enterprise,
        by=command_actor(),
        name="成员1",
        prefix="m1",
        domain=tenant.domain,
        phone="+8613900000001",
        departments=[tenant.market],
    )
    change_role(bob.roles.get(), name="department_admin", departments=[tenant.east], by=command_actor())
    begin_import(started, by=command_actor(alice))
    work_on_imports()
    [row] = started.rows.all()
    assert (row.verdict, row.member_id) == ("refused", None)
    assert "outside your departments" in str(row.problems)
    assert Member.objects.get() == twin


def test_whoever_repairs_a_row_leaves_no_name_that_its_author_may_not_read(client_of, tenant, bob, alice, zhao):
    started = start_import(tenant.market, by=command_actor(bob), upload=upload(xlsx(person(1, phone="13800138003"))))
    work_on_imports()
    for by in (bob, alice):
        repair_row(started, 2, {"position": by.name}, by=command_actor(by))
        work_on_imports()
        page = client_of(bob).get(f"/console/imports/{started.pk}/").text
        assert "belongs to a member outside your departments" in page
        assert "赵敏" not in page


def test_invitations_and_codes_of_an_import_stay_within_the_reach_of_whoever_asks(client_of, tenant, bob):
    rows = [person(1), person(2), *(person(number, activation="code", phone="") for number in (3, 4))]
    by = command_actor(bob)
    started = start_import(tenant.market, by=by, upload=upload(xlsx(*rows)))
    work_on_imports()
    begin_import(started, by=by)
    work_on_imports()
    gone = Member.objects.filter(name__in=["成员2", "成员4"])
    Membership.objects.filter(member__in=gone).update(department=tenant.root)
    client, page = client_of(bob), f"/console/imports/{started.pk}/"
    shown = client.get(page).text
    assert "Send invitations to 1 member" in shown
    assert "Activation codes for 1 member" in shown
    client.post(f"{page}invite/")
    work_on_imports()
    assert [member.name for member in Member.objects.exclude(invited_at=None)] == ["成员1"]
    client.post(f"{page}codes.xlsx")
    assert [code.member.name for code in ActivationCode.objects.all()] == ["成员3"]


def test_a_scope_that_changes_during_a_turn_counts_from_the_next_chunk(tenant, bob, monkeypatch):
    monkeypatch.setattr("directory.imports.apply.CHUNK", 1)
    by = command_actor(bob)
    started = start_import(tenant.market, by=by, upload=upload(xlsx(person(1), person(2))))
    work_on_imports()
    begin_import(started, by=by)
    insert = import_string(AFTER_A_CHUNK["apply"])

    def narrow(*args, **kwargs):
        ids = insert(*args, **kwargs)
        change_role(bob.roles.get(), name="department_admin", departments=[tenant.east], by=command_actor())
        return ids

    monkeypatch.setattr(AFTER_A_CHUNK["apply"], narrow)
    work_on_imports()
    started.refresh_from_db()
    assert (started.state, started.created, started.not_reached) == ("cancelled", 1, 1)
    assert "no longer managed" in started.reason


def test_of_two_who_press_at_once_the_first_is_the_actor(imported, alice, dora):
    start_follow_up(imported, "undo", by=command_actor(alice))
    with pytest.raises(ValidationError):
        start_follow_up(imported, "invite", by=command_actor(dora))
    work_on_imports()
    assert [actor for _action, actor, *_rest in events("import_undo_started", "import_undone")] == [alice.pk] * 2
    assert not events("import_invite_started")


def test_an_import_is_undone_once(client_of, imported, alice):
    start_follow_up(imported, "undo", by=command_actor(alice))
    work_on_imports()
    client, page = client_of(alice), f"/console/imports/{imported.pk}/"
    assert "can no longer be undone" in client.post(f"{page}undo/", follow=True).text
    assert len(events("import_undo_started", "import_undone")) == 2


def test_members_whose_change_was_undone_get_no_code(tenant, alice):
    build_member(tenant, "成员1", "m1", None, activation="code")
    by = command_actor(alice)
    rows = [person(1, phone="", activation="code", position="经理")]
    started = start_import(tenant.root, by=by, upload=upload(xlsx(*rows)), mode="update")
    work_on_imports()
    begin_import(started, by=by)
    work_on_imports()
    started.refresh_from_db()
    role = alice.roles.get()
    assert waiting_for_code(started, role).count() == 1
    start_follow_up(started, "undo", by=by)
    work_on_imports()
    assert waiting_for_code(started, role).count() == 0
