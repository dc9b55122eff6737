"""Invitation batches: recipients, those left out and why, and that nobody gets two messages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from accounts.audit.recording import Actor
from accounts.models import AuditEvent
from conftest import build_member
from directory.joining.actions import join_member
from directory.joining.invitations import BULK, invite_member
from directory.joining.recipients import count_by_refusal
from directory.models import Import, ImportRow, Invitation, Member, Membership
from invitations.batches import send as batches
from invitations.batches.quiet_hours import quiet_until, set_quiet_hours
from invitations.batches.send import open_batch, send_batches
from invitations.models import InvitationBatch, Recipient
from sms.models import Message

NEW = "/console/invitations/new/"


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


@pytest.fixture
def people(tenant, lin, wang, zhao):
    """Add three pending members, one without a phone."""
    build_member(tenant, "甲", "jia", "+8613800138011", department=tenant.market)
    build_member(tenant, "乙", "yi", "+8613800138012")
    build_member(tenant, "丙", "bing", None, activation="code")
    return tenant


def confirm(desk, fields, **more):
    """Ask for the number of messages, and confirm it."""
    page = desk.post(NEW, fields | {"preview": "1"}).text
    number = re.search(r'name="expected" value="(\d+)"', page)
    return desk.post(NEW, fields | {"expected": number[1] if number else "0"} | more)


def reasons(page: str) -> dict[str, int]:
    """How many are left out for each reason."""
    return {name: int(count) for name, count in re.findall(r'data-reason="(\w+)" data-count="(\d+)"', page)}


def refusals(members) -> dict[str, int]:
    """How many of the members a batch leaves out for each reason; under "" those it invites."""
    counts: dict[str, int] = {}
    for key, number in count_by_refusal(members, BULK).items():
        counts[key.refusal] = counts.get(key.refusal, 0) + number
    return counts


def yesterday():
    moved = timezone.now() - timedelta(hours=25)
    Recipient.objects.update(sent_at=moved)
    Invitation.objects.update(created_at=moved)
    Member.objects.update(invited_at=moved)


def test_a_batch_reaches_everyone_who_has_not_joined(desk, people, wang):
    page = desk.get(NEW).text
    assert 'data-name="messages" value="3"' in page
    assert 'data-name="left_out" value="1"' in page
    answer = confirm(desk, {"all_matching": "1"})
    batch = InvitationBatch.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/console/invitations/{batch.pk}/")
    assert 'data-state="sending"' in desk.get(answer["Location"]).text
    assert not Message.objects.exists()
    send_batches()
    page = desk.get(answer["Location"]).text
    assert 'data-state="done"' in page
    assert 'data-name="messages" value="3"' in page
    left_out = Recipient.objects.get(state="left_out")
    assert left_out.member.name == "丙"
    assert left_out.reason.startswith("丙")
    assert left_out.reason in page
    assert Message.objects.count() == 3
    join_member(Member.objects.get(pk=wang.pk), phone=wang.phone, by=batches.Actor(user=None, name="王芳"))
    assert 'data-name="joined" value="1"' in desk.get(answer["Location"]).text
    assert f'data-id="{batch.pk}"' in desk.get("/console/invitations/").text


def test_the_preview_says_who_is_left_out_and_why(desk, people):
    page = desk.get(NEW, {"status": ""}).text
    assert 'data-name="chosen" value="6"' in page
    assert reasons(page) == {"joined": 1, "disabled": 1, "by_code": 1}
    for words in ("Already joined", "Disabled", "Joins with an activation code"):
        assert words in page


def test_the_preview_leaves_out_members_invited_just_now(desk, people, wang, alice):
    invite_member(wang, by=batches.Actor(user=alice, name="Alice"))
    page = desk.get(NEW).text
    assert 'data-name="messages" value="2"' in page
    assert reasons(page) == {"by_code": 1, "just_now": 1}


def test_only_ticked_members_are_invited(desk, people, wang):
    desk.post(NEW, {"members": [wang.pk], "all_matching": "1"})
    send_batches()
    assert [message.to for message in Message.objects.all()] == [wang.phone]


def test_the_list_names_the_filter_in_the_readers_language(desk, people, client_of, dora):
    desk.post(NEW, {"all_matching": "1", "status": "pending", "department": people.market.pk, "q": "甲"})
    reader = client_of(dora)
    assert "Not joined · 市场部 · “甲”" in reader.get("/console/invitations/").text
    chinese = {"accept-language": "zh-CN"}
    assert "未加入 · 市场部 · “甲”" in reader.get("/console/invitations/", headers=chinese).text
    assert "未加入" in reader.get("/console/invitations/", {"q": "未加入"}, headers=chinese).text
    assert InvitationBatch.objects.get().total == 1


def test_the_list_names_ticked_recipients_in_the_readers_language(desk, people, wang):
    desk.post(NEW, {"members": [wang.pk]})
    assert "selected individually" in desk.get("/console/invitations/").text
    page = desk.get("/console/invitations/", headers={"accept-language": "zh-CN"}).text
    assert "selected individually" not in page


def test_refused_recipients_stay_ticked_with_the_reason_of_each(desk, people, wang, alice):
    invite_member(wang, by=Actor(user=alice, name="Alice"))
    code = Member.objects.get(name="丙")
    answer = desk.post(NEW, {"members": [wang.pk, code.pk], "status": "pending"})
    assert answer.status_code == 422
    for member in (wang, code):
        assert re.search(rf'name="members"\s+value="{member.pk}"[^>]*\schecked', answer.text)
    assert not re.search(r'name="all_matching"[^>]*\schecked', answer.text)
    assert "王芳 received a link less than a minute ago." in answer.text
    assert "丙 joins with an activation code, so no SMS is sent." in answer.text


def test_recipients_ticked_on_another_page_stay_ticked(desk, people, wang, alice, monkeypatch):
    invite_member(wang, by=Actor(user=alice, name="Alice"))
    answer = desk.post(NEW, {"members": [wang.pk], "status": "pending", "q": "甲"})
    assert f'<input type="hidden" name="members" value="{wang.pk}"' in answer.text


def test_search_and_department_select_the_recipients(desk, people):
    confirm(desk, {"all_matching": "1", "department": people.market.pk, "status": "pending", "q": ""})
    assert set(Recipient.objects.values_list("member__name", flat=True)) == {"王芳", "甲"}


def test_nothing_ticked_is_refused(desk, people):
    answer = desk.post(NEW, {"status": "pending"})
    assert answer.status_code == 422
    assert not InvitationBatch.objects.exists()


def test_the_preview_of_an_empty_selection_asks_for_members(desk, people):
    """As 200, which htmx swaps: the numbers of the choice before must not stay beside the button."""
    page = desk.post(NEW, {"all_matching": "", "expected": "2", "preview": "1"})
    panel = page.text.partition('id="sending"')[2].partition("<noscript>")[0]
    assert page.status_code == 200
    assert "Select members, or select all that match." in panel
    assert "data-name=" not in panel


def test_a_member_gets_one_batch_a_day_and_three_a_week(desk, people):
    for number in range(4):
        if number < 3:
            assert confirm(desk, {"all_matching": "1"}).status_code == 303
            send_batches()
        assert desk.post(NEW, {"all_matching": "1"}).status_code == 422
        yesterday()
    assert Message.objects.count() == 9


def had_batches(member, *ages: timedelta) -> None:
    """The member had a batch so long ago."""
    for number, age in enumerate(ages, 1):
        batch = InvitationBatch.objects.create(enterprise=member.enterprise, author_name="Alice", state="done", total=1)
        at = timezone.now() - age
        link = Invitation.objects.create(
            enterprise=member.enterprise,
            member=member,
            number=number,
            token_digest=f"{member.pk}{number:060}",
            phone=member.phone,
            created_at=at,
            expires_at=at,
            superseded_at=at,
            is_bulk=True,
        )
        Recipient.objects.create(batch=batch, member=member, state="sent", sent_at=at, invitation=link)


DAY, WEEK, SECOND = timedelta(days=1), timedelta(days=7), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ages", "reason"),
    [
        ([DAY - SECOND], "bulk_today"),
        ([DAY], ""),
        ([DAY * 2, DAY * 3, WEEK - SECOND], "bulk_often"),
        ([DAY * 2, DAY * 3, WEEK], ""),
        ([DAY * 2, DAY * 3], ""),
        ([DAY / 2, DAY * 2, DAY * 3], "bulk_today"),
    ],
)
def test_limits_apply_at_their_boundary_in_preview_and_batch(desk, people, wang, alice, time_machine, ages, reason):
    time_machine.move_to(timezone.now(), tick=False)
    had_batches(wang, *ages)
    page = desk.get(NEW, {"q": "王芳"}).text
    assert reasons(page) == ({reason: 1} if reason else {})
    assert f'data-name="messages" value="{0 if reason else 1}"' in page
    batch = open_batch(people.enterprise, Member.objects.filter(pk=wang.pk), by=batches.Actor(alice, "Alice"))
    send_batches()
    recipient = batch.recipients.get()
    assert recipient.state == ("left_out" if reason else "sent")
    assert bool(recipient.reason) is bool(reason)


def test_every_reason_is_counted_once_and_all_add_up(desk, people, lin, wang, alice):
    one = build_member(people, "丁", "ding", "+8613800138013", status="pending")
    had_batches(wang, DAY / 2, DAY * 2, DAY * 3)
    for number in range(5):
        at = timezone.now() - timedelta(hours=number + 1)
        Invitation.objects.create(
            enterprise=people.enterprise,
            member=one,
            number=number + 1,
            token_digest=f"{number:064}",
            phone=one.phone,
            created_at=at,
            expires_at=at,
            superseded_at=at,
        )
    planned = {"joined": 1, "disabled": 1, "by_code": 1, "bulk_today": 1, "often": 1, "": 2}
    assert refusals(Member.objects.all()) == planned
    batch = open_batch(people.enterprise, Member.objects.all(), by=batches.Actor(alice, "Alice"))
    send_batches()
    assert batch.recipients.filter(state="sent").count() == 2
    assert not batch.recipients.filter(state="left_out", why=[]).exists()


def test_the_members_of_one_import_are_chosen(desk, people, wang, alice):
    imported = Import.objects.create(
        enterprise=people.enterprise,
        author=alice,
        state="done",
        file_name="十一月入职.xlsx",
        created=1,
        heading={"columns": {"indexes": {"name": 0}, "titles": ["姓名"], "unknown": []}, "sheet": ""}
        | {"other_sheets": [], "hidden_rows": 0, "hidden_columns": 0},
    )
    ImportRow.objects.create(import_job=imported, number=2, verdict="created", member=wang)
    ImportRow.objects.create(import_job=imported, number=3, verdict="refused")
    page = desk.get(NEW).text
    assert "十一月入职.xlsx" in page
    page = desk.get(NEW, {"import": imported.pk}).text
    assert page.count('name="members"') == 1
    assert 'data-name="messages" value="1"' in page
    assert f'name="import" value="{imported.pk}"' in page
    desk.post(NEW, {"all_matching": "1", "import": imported.pk})
    assert list(Recipient.objects.values_list("member", flat=True)) == [wang.pk]
    assert "十一月入职.xlsx" in desk.get("/console/invitations/").text
    result = desk.get(f"/console/imports/{imported.pk}/").text
    assert f'href="{NEW}?import={imported.pk}"' in result


def test_another_enterprises_or_administrators_import_chooses_nobody(
    desk, people, wang, other_tenant, alice, bob, client_of
):
    theirs = Import.objects.create(enterprise=other_tenant.enterprise, state="done", created=1)
    ours = Import.objects.create(enterprise=people.enterprise, author=alice, state="done", created=1)
    ImportRow.objects.create(import_job=ours, number=2, verdict="created", member=wang)
    ImportRow.objects.create(import_job=theirs, number=2, verdict="created", member=wang)
    assert desk.post(NEW, {"all_matching": "1", "import": theirs.pk}).status_code == 422
    assert client_of(bob).post(NEW, {"all_matching": "1", "import": ours.pk}).status_code == 422
    assert not InvitationBatch.objects.exists()


def test_a_batch_has_tabs_and_a_search(desk, people, wang, alice):
    batch = open_batch(people.enterprise, Member.objects.filter(status="pending"), by=batches.Actor(alice, "Alice"))
    send_batches()
    page, path = desk.get(f"/console/invitations/{batch.pk}/").text, f"/console/invitations/{batch.pk}/"
    assert page.count("data-id=") == 4
    Message.objects.filter(to=wang.phone).update(state="rejected", reason="Number is not in use")
    join_member(Member.objects.get(account="jia"), phone="+8613800138011", by=batches.Actor(user=None, name="甲"))
    parts = {"sent": 3, "left_out": 1, "waiting": 0, "joined": 1, "failed": 1}
    for part, count in parts.items():
        assert desk.get(path, {"state": part}).text.count("data-id=") == count
    failed = desk.get(path, {"state": "failed"}).text
    assert "王芳" in failed
    assert "Number is not in use" in failed
    assert desk.get(path, {"q": "王"}).text.count("data-id=") == 1
    assert desk.get(path, {"q": "jia"}).text.count("data-id=") == 1
    assert "No one in these invitations" in desk.get(path, {"q": "没有"}).text


def test_lists_page_by_key_and_cost_the_same(desk, people, alice, monkeypatch):
    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.get(path)
        return len(queries)

    by = batches.Actor(alice, "Alice")
    batch = open_batch(people.enterprise, Member.objects.filter(account="wangfang"), by=by)
    paths = ["/console/invitations/", f"/console/invitations/{batch.pk}/"]
    few = [cost(path) for path in paths]
    for number in range(9):
        extra = build_member(people, f"人{number}", f"ren{number}", f"+86138001381{number:02}")
        Recipient.objects.create(batch=batch, member=extra)
        open_batch(people.enterprise, Member.objects.filter(pk=extra.pk), by=by, about=f"第{number}")
    assert [cost(path) for path in paths] == few
    assert max(few) <= 12
    monkeypatch.setattr("invitations.batches.list.BatchQuery.page_size", 3)
    monkeypatch.setattr("invitations.batches.list.RecipientQuery.page_size", 3)
    page = desk.get(paths[0]).text
    assert "第8" in page
    assert "第5" not in page
    assert "before=" in page
    assert "第3" in desk.get(paths[0], {"q": "第3"}).text
    assert "after=" in desk.get(paths[1]).text


def test_a_batch_pauses_during_quiet_hours(desk, people, alice, time_machine):
    """21:30 until 08:00 in the enterprise's zone."""
    answer = desk.post("/console/invitations/quiet/", {"begins": "21:30", "ends": "08:00"})
    assert answer.status_code == 303
    assert AuditEvent.objects.filter(action="quiet_hours_set").count() == 1
    desk.post("/console/invitations/quiet/", {"begins": "21:30", "ends": "08:00"})
    assert AuditEvent.objects.filter(action="quiet_hours_set").count() == 1
    zone = ZoneInfo("Asia/Shanghai")
    tonight = datetime.now(zone).replace(hour=21, minute=30, second=0, microsecond=0) + DAY
    batch = InvitationBatch.objects.create(enterprise=people.enterprise, author=alice, author_name="Alice", total=1)
    Recipient.objects.create(batch=batch, member=Member.objects.get(account="wangfang"))
    morning = tonight.replace(hour=8, minute=0) + DAY
    for moment in (tonight, tonight.replace(hour=23, minute=59), morning - SECOND):
        time_machine.move_to(moment, tick=False)
        assert quiet_until(people.enterprise) == morning
        send_batches()
        assert not Message.objects.exists()
    time_machine.move_to(tonight - SECOND, tick=False)
    assert quiet_until(people.enterprise) is None
    time_machine.move_to(morning, tick=False)
    send_batches()
    assert Message.objects.count() == 1


def test_quiet_hours_within_a_day_and_none(people, desk, time_machine):
    desk.post("/console/invitations/quiet/", {"begins": "12:00", "ends": "14:00"})
    assert "no invitations are sent from 12:00 to 14:00" in desk.get("/console/invitations/").text
    noon = datetime.now(ZoneInfo("Asia/Shanghai")).replace(hour=12, minute=0, second=0, microsecond=0) + DAY
    for moment, until in {noon - SECOND: None, noon: noon.replace(hour=14), noon.replace(hour=14): None}.items():
        time_machine.move_to(moment, tick=False)
        assert quiet_until(people.enterprise) == until
    set_quiet_hours(people.enterprise, None, by=batches.Actor(user=None, name="Alice"))
    time_machine.move_to(noon, tick=False)
    assert quiet_until(people.enterprise) is None


@pytest.mark.parametrize(
    ("begins", "ends", "field"),
    [("21:00", "", "ends"), ("", "8:00", "begins"), ("8:00", "8:00", "ends"), ("x", "8:00", "begins")],
)
def test_invalid_quiet_hours_are_refused(desk, people, begins, ends, field):
    answer = desk.post("/console/invitations/quiet/", {"begins": begins, "ends": ends})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.text


def test_a_dormant_member_is_left_out_as_previewed(people, lin, alice):
    Member.objects.filter(pk=lin.pk).update(joined_at=timezone.now() - timedelta(days=400))
    assert refusals(Member.objects.filter(pk=lin.pk)) == {"joined": 1}
    batch = open_batch(people.enterprise, Member.objects.filter(pk=lin.pk), by=batches.Actor(alice, "Alice"))
    send_batches()
    assert batch.recipients.get().state == "left_out"
    assert not Message.objects.exists()


def test_too_many_ticked_members_are_refused(desk, people, wang, settings):
    settings.BATCH_SELECTED_MAX = 2
    ticked = list(Member.objects.filter(status="pending").values_list("pk", flat=True))
    assert len(ticked) > 2
    answer = desk.post(NEW, {"members": ticked})
    assert answer.status_code == 422
    assert "You can select up to 2 at a time." in answer.text
    assert not InvitationBatch.objects.exists()


def test_after_a_killed_worker_nobody_gets_two_messages(people, alice, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK", 2)
    by = batches.Actor(user=alice, name="Alice")
    batch = open_batch(people.enterprise, Member.objects.filter(status="pending"), by=by)
    lease = batches.QUEUE.claim(batch.pk)
    assert batches._send_chunk(batch, lease)
    with monkeypatch.context() as broken:
        broken.setattr(Recipient.objects.__class__, "bulk_update", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            batches._send_chunk(batch, lease)
    lease.release()
    send_batches()
    send_batches()
    batch.refresh_from_db()
    assert batch.state == "done"
    assert Message.objects.count() == 3
    assert Message.objects.values("to").distinct().count() == 3


def test_a_department_administrator_invites_their_own_people_only(client_of, bob, people, wang):
    other = Member.objects.get(account="yi")
    client = client_of(bob)
    confirm(client, {"members": [other.pk, wang.pk]})
    assert list(Recipient.objects.values_list("member", flat=True)) == [wang.pk]


def test_another_enterprises_batch_is_not_found(desk, client_of, charlie, people):
    confirm(desk, {"all_matching": "1"})
    assert client_of(charlie).get(f"/console/invitations/{InvitationBatch.objects.get().pk}/").status_code == 404


def test_reasons_are_shown_in_the_readers_language(desk, people, wang, alice):
    by = Actor(user=alice, name="Alice")
    open_batch(people.enterprise, Member.objects.filter(pk=wang.pk), by=by)
    send_batches()
    again = open_batch(people.enterprise, Member.objects.filter(status="pending"), by=by)
    send_batches()
    page = f"/console/invitations/{again.pk}/?state=left_out"
    english = desk.get(page, headers={"accept-language": "en"}).text
    assert "王芳 received an invitation in the last 24 hours." in english
    assert "丙 joins with an activation code, so no SMS is sent." in english
    chinese = desk.get(page, headers={"accept-language": "zh-hans"}).text
    assert "24 小时内已向王芳发送过邀请。" in chinese
    assert "in the last" not in chinese
    assert Message.objects.filter(kind="invitation").first().language == people.enterprise.language


@pytest.mark.parametrize("lost", ["the user is deactivated", "the role is taken away", "the role may only read"])
def test_a_batch_stops_when_its_author_loses_the_permission(people, alice, wang, lost):
    """C7: the author's right is read again for each chunk."""
    batch = open_batch(people.enterprise, Member.objects.filter(pk=wang.pk), by=batches.Actor(alice, "Alice"))
    match lost:
        case "the user is deactivated":
            type(alice).objects.filter(pk=alice.pk).update(is_active=False)
        case "the role is taken away":
            alice.roles.all().delete()
        case _:
            alice.roles.update(name="auditor")
    send_batches()
    recipient = batch.recipients.get()
    with override("en"):
        assert (recipient.state, recipient.reason) == (
            "left_out",
            "Alice no longer has permission to send invitations.",
        )
    assert not Message.objects.exists()


def test_a_department_administrators_batch_leaves_out_members_moved_away(people, bob, wang):
    batch = open_batch(people.enterprise, Member.objects.filter(pk=wang.pk), by=batches.Actor(bob, "Bob"))
    Membership.objects.filter(member=wang).update(department=people.root)
    send_batches()
    with override("en"):
        assert batch.recipients.get().reason == "No longer in a department that Bob manages."


def test_a_chunk_that_fails_repeatedly_is_left_out(people, alice, monkeypatch, settings):
    settings.JOB_RETRY_SECONDS = 0
    batch = open_batch(people.enterprise, Member.objects.filter(status="pending"), by=batches.Actor(alice, "Alice"))
    monkeypatch.setattr(batches, "invite_members", lambda *args, **kwargs: 1 / 0)
    send_batches()
    batch.refresh_from_db()
    assert batch.state == "done"
    assert {recipient.state for recipient in batch.recipients.all()} == {"left_out"}
