"""Bulk actions on more members than a request handles, and their reports."""

import datetime
import io
import os
import time
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings
from django.utils import timezone

from accounts.audit.recording import Actor, command_actor
from accounts.models import AuditEvent, Role
from conftest import audit_events, build_member
from core.leased_jobs import LeaseLost
from directory.bulk_actions import job as bulk_actions
from directory.bulk_actions.actions import apply_to_members
from directory.bulk_actions.job import (
    NumberChanged,
    cancel_bulk_action,
    delete_expired_exports,
    open_bulk_action,
    work_on_bulk_actions,
)
from directory.departments.actions import delete_department
from directory.joining.invitations import invite_member
from directory.members.actions import create_member, disable_member, disable_members
from directory.members.erasure import erase_deleted_members
from directory.members.recycle_bin import delete_members, restore_members
from directory.models import BulkAction, BulkActionItem, Invitation, Member

LIST = "/console/members/"
BULK = "/console/members/bulk/"
BY = command_actor()


@pytest.fixture(autouse=True)
def _two_are_few(settings, monkeypatch, tmp_path):
    settings.MEMBERS_AT_ONCE = settings.MEMBERS_EXPORTED_AT_ONCE = 2
    settings.EXPORT_DIR = tmp_path / "exports"
    monkeypatch.setattr(bulk_actions, "CHUNK", 2)
    monkeypatch.setattr(bulk_actions, "EXPORT_CHUNK", 2)


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


@pytest.fixture
def five(tenant):
    """Return five members of the eastern department, found by `duo`."""
    return [build_member(tenant, f"多{n}", f"duo{n}", f"+86139001390{n:02}", department=tenant.east) for n in range(5)]


def opened(tenant, author, kind, members):
    chosen = Member.objects.filter(pk__in=[one.pk for one in members])
    return open_bulk_action(tenant.enterprise, kind, chosen, by=Actor(user=author, name=author.name))


def after_work(action):
    work_on_bulk_actions()
    action.refresh_from_db()
    return action


def counts(action):
    action.refresh_from_db()
    return [action.total, action.done, action.left_out, action.not_reached]


def reasons(action):
    return dict(action.items.exclude(reason="").order_by("member_id").values_list("member__name", "reason"))


def statuses(members):
    return [Member.objects.get(pk=one.pk).status for one in members]


def test_a_kind_that_acts_on_no_member_fails_instead_of_counting_them_as_done(tenant, alice, wang):
    with pytest.raises(NotImplementedError):
        apply_to_members("export", alice.roles.get(), [wang.pk], by=BY)


# --- from the page


def test_many_are_deleted_in_the_background_and_found_again(desk, tenant, five):
    asked = {"all_matching": "1", "q": "duo"}
    page = desk.post(f"{LIST}delete/", asked)
    assert "Delete 5 members?" in page.text
    assert "in the background" in page.text
    answer = desk.post(f"{LIST}delete/", asked | {"confirmed": "5"})
    action = BulkAction.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"{BULK}{action.pk}/")
    assert Member.objects.present().count() == 5
    shown = desk.get(f"{BULK}{action.pk}/").text
    assert 'data-state="working"' in shown
    assert "<progress value=" in shown
    assert f"{BULK}{action.pk}/" in desk.get(LIST).text
    work_on_bulk_actions()
    shown = desk.get(f"{BULK}{action.pk}/").text
    assert 'data-state="done"' in shown
    assert 'data-name="done" value="5"' in shown
    assert "<progress" not in shown
    assert f"{BULK}{action.pk}/" not in desk.get(LIST).text
    assert f"{BULK}{action.pk}/" in desk.get(BULK).text
    assert not Member.objects.present().exists()
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 0
    assert not action.items.exists()
    lines = [(event.action, event.via) for event in audit_events().order_by("number")]
    chunks = [("members_deleted", "task"), ("members_deleted", "task"), ("member_deleted", "task")]
    assert lines == [("bulk_action_started", "web"), *chunks, ("bulk_action_finished", "task")]


@pytest.mark.parametrize("action", ["restore/", "enable/"])
def test_few_are_done_at_once_and_more_by_the_worker(desk, tenant, five, action):
    ids = [one.pk for one in five]
    if action == "restore/":
        delete_members(tenant.enterprise, ids, by=BY)
    else:
        disable_members(tenant.enterprise, ids, by=BY)
    there = {"status": "deleted"} if action == "restore/" else {}
    assert desk.post(f"{LIST}{action}", there | {"members": ids[:2]})["Location"].startswith(f"{LIST}?")
    assert (BulkAction.objects.count(), Member.objects.present().filter(status="pending").count()) == (0, 2)
    assert desk.post(f"{LIST}{action}", there | {"all_matching": "1", "q": "duo"})["Location"].startswith(BULK)
    assert counts(after_work(BulkAction.objects.get())) == [3, 3, 0, 0]
    assert Member.objects.present().filter(status="pending").count() == 5


def test_many_are_disabled_after_a_page_that_says_what_it_means(desk, client_of, tenant, five, lin):
    phone = client_of(lin.user, method="code", enterprise=tenant.enterprise)
    invite_member(five[0], by=BY)
    asked = {"all_matching": "1", "department": tenant.market.pk}
    page = desk.post(f"{LIST}disable/", asked).text
    assert "Disable 6 members?" in page
    assert "1 of them has joined" in page
    assert "disabled" not in statuses(five)
    desk.post(f"{LIST}disable/", asked | {"confirmed": "6"})
    assert counts(after_work(BulkAction.objects.get())) == [6, 6, 0, 0]
    assert set(statuses([*five, lin])) == {"disabled"}
    assert Invitation.objects.get().revoked_at
    assert phone.get("/mailbox/").status_code == 302


def test_two_are_disabled_and_a_disabled_one_is_ignored(desk, wang, lin, zhao):
    chosen = {"members": [wang.pk, lin.pk, zhao.pk]}
    assert "Disable 2 members?" in desk.post(f"{LIST}disable/", chosen).text
    answer = desk.post(f"{LIST}disable/", chosen | {"confirmed": "2"}, follow=True)
    assert "2 members disabled" in answer.text
    event = AuditEvent.objects.get(action="members_disabled")
    assert event.personal["after"] == {"members": sorted([wang.pk, lin.pk])}
    assert "2 members enabled" in desk.post(f"{LIST}enable/", {"members": [wang.pk, lin.pk]}, follow=True).text
    assert statuses([wang, lin, zhao]) == ["pending", "active", "disabled"]


def test_if_it_became_another_number_nothing_is_opened(desk, tenant, five):
    page = desk.post(f"{LIST}delete/", {"all_matching": "1", "q": "duo", "confirmed": "4"})
    assert (page.status_code, BulkAction.objects.count()) == (200, 0)
    assert 'name="confirmed" value="5"' in page.text
    with pytest.raises(NumberChanged):
        open_bulk_action(tenant.enterprise, "delete", Member.objects.all(), by=BY, confirmed=4)
    assert (BulkAction.objects.count(), BulkActionItem.objects.count()) == (0, 0)


def test_more_than_a_few_are_invited_by_a_notice(desk, five):
    answer = desk.post(f"{LIST}invite/", {"all_matching": "1", "q": "duo"})
    assert answer["Location"] == "/console/invitations/new/?q=duo&status=pending"
    assert 'data-name="messages" value="5"' in desk.get(answer["Location"]).text
    assert not Invitation.objects.exists()


# --- who is left out, and why


def test_members_changed_meanwhile_are_left_out_with_a_reason(desk, tenant, alice, five):
    action = opened(tenant, alice, "disable", five)
    delete_members(tenant.enterprise, [five[0].pk], by=BY)
    disable_member(five[3], by=BY)
    assert counts(after_work(action)) == [5, 3, 2, 0]
    assert reasons(action) == {"多0": "in_bin", "多3": "disabled"}
    page = desk.get(f"{BULK}{action.pk}/").text
    assert "Already in the recycle bin: 1" in page
    assert 'data-name="left_out" value="2"' in page
    assert f'data-id="{five[3].pk}"' in page


def test_overlapping_actions_process_each_member_once(tenant, alice, dora, five):
    first, second = opened(tenant, alice, "delete", five[:4]), opened(tenant, dora, "delete", five[2:])
    work_on_bulk_actions()
    assert (counts(first), counts(second)) == ([4, 4, 0, 0], [3, 1, 2, 0])
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 0


def test_a_restore_without_phone_or_department_is_reported(desk, client_of, erin, tenant, alice, five):
    delete_members(tenant.enterprise, [one.pk for one in five], by=BY)
    delete_department(tenant.east, by=BY)
    details = {"name": "新人", "prefix": "xin", "phone": five[0].phone, "domain": tenant.domain}
    taker = create_member(tenant.enterprise, by=BY, **details)
    restore_members(tenant.enterprise, [five[4].pk], by=BY)
    action = after_work(opened(tenant, alice, "restore", five))
    assert counts(action) == [5, 4, 1, 0]
    assert action.items.get(reason="without_phone").holder == taker
    assert action.items.get(reason="present").member == five[4]
    page = desk.get(f"{BULK}{action.pk}/").text
    assert f'href="/console/members/{taker.pk}/">新人' in page
    assert "Restored to the root department because the previous one was deleted: 4" in page
    assert five[0].phone[3:] not in page


def test_a_department_admin_reaches_only_their_own_to_the_end(client_of, bob, tenant, five, zhao):
    desk = client_of(bob)
    answer = desk.post(f"{LIST}delete/", {"all_matching": "1", "q": "", "confirmed": "5"})
    action = BulkAction.objects.get()
    assert (answer["Location"], action.total) == (f"{BULK}{action.pk}/", 5)
    five[1].memberships.update(department=tenant.root)
    assert counts(after_work(action)) == [5, 4, 1, 0]
    assert reasons(action) == {"多1": "out_of_reach"}
    assert "多1" not in desk.get(f"{BULK}{action.pk}/").text, "they may not see that member any more"


def test_a_purged_member_leaves_no_name_behind(desk, tenant, alice, five):
    action = opened(tenant, alice, "disable", five)
    delete_members(tenant.enterprise, [five[0].pk], by=BY)
    Member.objects.filter(pk=five[0].pk).update(deleted_at=timezone.now() - datetime.timedelta(days=31))
    work_on_bulk_actions()
    assert "多0" in desk.get(f"{BULK}{action.pk}/").text
    erase_deleted_members()
    page = desk.get(f"{BULK}{action.pk}/")
    assert (page.status_code, "多0" in page.text) == (200, False)


# --- stopped


def one_chunk_a_task(monkeypatch):
    for name in ("JOB_TURN_SECONDS", "JOB_TASK_SECONDS"):
        monkeypatch.setattr(settings, name, 0)


def test_losing_the_permission_stops_the_action(desk, tenant, dora, five, monkeypatch):
    action = opened(tenant, dora, "delete", five)
    one_chunk_a_task(monkeypatch)
    work_on_bulk_actions()
    assert counts(action) == [5, 2, 0, 3]
    Role.objects.filter(user=dora).update(name="auditor")
    after_work(action)
    assert (action.state, counts(action)) == ("cancelled", [5, 2, 0, 3])
    assert Member.objects.present().count() == 3
    assert not action.items.exists()
    page = desk.get(f"{BULK}{action.pk}/").text
    assert "no longer has permission to do it" in page
    assert 'data-name="not_reached" value="3"' in page


@pytest.mark.parametrize("lost", ["the role", "the user"])
def test_a_deleted_author_does_nothing(tenant, dora, five, lost):
    action = opened(tenant, dora, "delete", five)
    if lost == "the role":
        dora.roles.all().delete()
    else:
        type(dora).objects.filter(pk=dora.pk).update(is_active=False)
    assert (after_work(action).state, counts(action)) == ("cancelled", [5, 0, 0, 5])


def test_it_is_stopped_by_a_button_and_what_is_done_stays(desk, tenant, alice, five, monkeypatch):
    action = opened(tenant, alice, "delete", five)
    one_chunk_a_task(monkeypatch)
    work_on_bulk_actions()
    assert f"{BULK}{action.pk}/cancel/" in desk.get(f"{BULK}{action.pk}/").text
    assert desk.post(f"{BULK}{action.pk}/cancel/").status_code == 303
    after_work(action)
    assert (action.state, counts(action)) == ("cancelled", [5, 2, 0, 3])
    desk.post(f"{BULK}{action.pk}/cancel/")
    assert AuditEvent.objects.filter(action="bulk_action_cancelled").count() == 1


def test_a_worker_without_lease_or_with_a_cancelled_action_writes_nothing(tenant, alice, five):
    action = opened(tenant, alice, "delete", five)
    held = bulk_actions.QUEUE.claim()
    assert bulk_actions.QUEUE.claim() is None
    BulkAction.objects.update(lease_until=timezone.now() - datetime.timedelta(seconds=1))
    other = bulk_actions.QUEUE.claim()
    with pytest.raises(LeaseLost):
        bulk_actions._do_chunk(held)
    cancel_bulk_action(action, by=BY)
    with pytest.raises(LeaseLost):
        bulk_actions._do_chunk(other)
    assert (Member.objects.present().count(), counts(action)) == (5, [5, 0, 0, 5])


def test_what_breaks_says_so_and_keeps_what_is_done(desk, tenant, alice, five, monkeypatch):
    action = opened(tenant, alice, "delete", five)
    real = bulk_actions.apply_to_members

    def break_at_second(kind, role, ids, *, by):
        if BulkAction.objects.get(pk=action.pk).done:
            raise RuntimeError
        return real(kind, role, ids, by=by)

    monkeypatch.setattr(bulk_actions, "apply_to_members", break_at_second)
    monkeypatch.setattr(settings, "JOB_RETRY_SECONDS", 0)
    assert (after_work(action).state, counts(action)) == ("failed", [5, 2, 0, 3])
    assert "Something went wrong" in desk.get(f"{BULK}{action.pk}/").text
    assert AuditEvent.objects.filter(action="bulk_action_failed").count() == 1


# --- the export


def workbook_of(answer):
    return [row[0].value for row in openpyxl.load_workbook(io.BytesIO(answer.content)).active.iter_rows(min_row=2)]


@pytest.fixture
def exported(desk, five):
    answer = desk.post(f"{LIST}export/?q=duo")
    return after_work(BulkAction.objects.get(pk=int(answer["Location"].split("/")[-2])))


def test_a_workbook_of_many_is_written_by_the_worker(desk, five):
    assert desk.get(f"{LIST}export/?q=duo").status_code == 302
    assert BulkAction.objects.count() == 0, "a GET changes nothing"
    action = BulkAction.objects.get(pk=int(desk.post(f"{LIST}export/?q=duo")["Location"].split("/")[-2]))
    assert desk.get(f"{BULK}{action.pk}/members.xlsx").status_code == 404
    assert counts(after_work(action)) == [5, 5, 0, 0]
    answer = desk.get(f"{BULK}{action.pk}/members.xlsx")
    assert workbook_of(answer) == [one.name for one in five]
    assert f"{BULK}{action.pk}/members.xlsx" in desk.get(f"{BULK}{action.pk}/").text
    assert not action.items.exists()


def test_few_are_downloaded_at_once(desk, five):
    assert workbook_of(desk.post(f"{LIST}export/?q=duo1")) == ["多1"]


def test_no_message_is_sent(desk, tenant):
    answer = desk.post(f"{LIST}export/?q=nobody", follow=True)
    assert "No matching members." in answer.text
    assert not BulkAction.objects.exists()


def test_the_file_is_for_its_author_and_their_right(desk, client_of, alice, dora, erin, exported):
    path = f"{BULK}{exported.pk}/members.xlsx"
    assert client_of(dora).get(path).status_code == 404
    page = client_of(dora).get(f"{BULK}{exported.pk}/").text
    assert "Only the person who requested" in page
    assert path not in page
    Role.objects.filter(user=alice).update(name="auditor")
    assert desk.get(path).status_code == 403
    assert path not in desk.get(f"{BULK}{exported.pk}/").text


def test_the_file_requires_reauthentication_and_returns_to_its_page(desk, exported):
    session = desk.session
    session["proved_at"] -= 601
    session["factor_at"] -= 601
    session.save()
    answer = desk.get(f"{BULK}{exported.pk}/members.xlsx")
    assert answer.status_code == 302
    assert f"{BULK}{exported.pk}/".replace("/", "%2F") in answer["Location"]


def test_the_file_is_private_and_gone_after_a_day(desk, settings, exported):
    path = bulk_actions.exported_file(exported)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    delete_expired_exports()
    assert path.exists()
    BulkAction.objects.update(finished_at=timezone.now() - datetime.timedelta(hours=24, seconds=1))
    assert desk.get(f"{BULK}{exported.pk}/members.xlsx").status_code == 404
    assert "has been deleted" in desk.get(f"{BULK}{exported.pk}/").text
    os.utime(path, (time.time() - 90_000,) * 2)
    delete_expired_exports()
    exported.refresh_from_db()
    assert (exported.stored, list(Path(settings.EXPORT_DIR).iterdir())) == ("", [])


def test_an_export_is_stopped_by_a_lost_right_or_the_button_and_leaves_no_file(settings, tenant, dora, five):
    action = opened(tenant, dora, "export", five)
    Role.objects.filter(user=dora).update(name="department_admin")
    assert (after_work(action).state, counts(action)) == ("cancelled", [5, 0, 0, 5])
    second = opened(tenant, dora, "export", five)
    held = bulk_actions.QUEUE.claim()
    cancel_bulk_action(second, by=BY)
    with pytest.raises(LeaseLost):
        bulk_actions._export(held)
    assert not list(Path(settings.EXPORT_DIR).glob("*"))


def test_members_erased_meanwhile_are_left_out_of_the_workbook(desk, tenant, alice, five):
    delete_members(tenant.enterprise, [five[0].pk], by=BY)
    Member.objects.filter(pk=five[0].pk).update(deleted_at=timezone.now() - datetime.timedelta(days=31))
    action = opened(tenant, alice, "export", five)
    erase_deleted_members()
    assert counts(after_work(action)) == [5, 4, 1, 0]
    assert action.items.get().reason == "erased"
    assert len(workbook_of(desk.get(f"{BULK}{action.pk}/members.xlsx"))) == 4


# --- the list


def test_they_are_found_by_author_action_and_state_page_by_page(desk, tenant, alice, dora, five):
    for number in range(21):
        action = opened(tenant, dora if number else alice, "disable" if number % 2 else "delete", five[:1])
    cancel_bulk_action(action, by=BY)

    def listed(query):
        return desk.get(f"{BULK}{query}").text.count("<tr data-id=")

    assert [listed(query) for query in ("", "?q=ali", "?kind=disable", "?state=cancelled", "?q=nobody")] == [
        20, 1, 10, 1, 0,
    ]  # fmt: skip
    assert "before=" in desk.get(BULK).text
    assert desk.get(f"{BULK}?kind=x&state=%00&q=%00&after={'9' * 30}").status_code == 200


def test_a_department_admin_finds_their_own_and_a_stranger_nothing(client_of, charlie, bob, alice, tenant, five):
    theirs, other = opened(tenant, bob, "delete", five[:2]), opened(tenant, alice, "delete", five[2:])
    page = client_of(bob).get(BULK).text
    assert (f"{BULK}{theirs.pk}/" in page, f"{BULK}{other.pk}/" in page) == (True, False)
    assert client_of(bob).get(f"{BULK}{other.pk}/").status_code == 404
    assert client_of(bob).post(f"{BULK}{other.pk}/cancel/").status_code == 404
    assert client_of(charlie).get(f"{BULK}{theirs.pk}/").status_code == 404


@pytest.mark.parametrize("path", ["the list", "the page", "the directory"])
def test_the_number_of_queries_stays(desk, tenant, alice, five, django_assert_max_num_queries, path):
    done = opened(tenant, alice, "enable", five)
    work_on_bulk_actions()
    for _number in range(30):
        opened(tenant, alice, "delete", five[:1])
    pages = {"the list": BULK, "the page": f"{BULK}{done.pk}/", "the directory": LIST}
    desk.get(pages[path])
    with django_assert_max_num_queries(26 if path == "the directory" else 16):
        assert desk.get(pages[path]).status_code == 200
