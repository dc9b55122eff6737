"""Rule 12 of the product: nothing reaches many people by one click."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit.recording import Actor
from conftest import build_member
from directory.joining.invitations import NumberChanged, invite_member, sample_text
from directory.models import Import, ImportRow, Invitation, Member
from invitations.batches.send import open_batch, send_batches
from invitations.models import InvitationBatch
from sms.models import Message
from sms.outbox.parts import count_parts

NEW = "/console/invitations/new/"
INVITE = "/console/members/invite/"
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


@pytest.fixture
def people(tenant):
    """Three pending members, one of whom joins with a code."""
    build_member(tenant, "甲", "jia", "+8613800138011", department=tenant.market)
    build_member(tenant, "乙", "yi", "+8613800138012")
    build_member(tenant, "丙", "bing", None, activation="code")
    return tenant


def counts(page) -> tuple[int, ...]:
    """The numbers of messages and of members left out, as the page shows them."""
    return tuple(
        int(re.search(rf'<data class="count" data-name="{name}" value="(\d+)"', page.text)[1])
        for name in ("messages", "left_out")
    )


def shown_sms(page) -> str:
    return re.sub(r"\s+", " ", re.search(r"<blockquote[^>]*\bdata-sms\b[^>]*>(.*?)</blockquote>", page.text, re.S)[1])


def expected(page) -> str:
    return re.search(r'name="expected"\s+value="(\d+)"', page.text)[1]


def were_invited(member: Member, ago: timedelta, alice, *, number: int = 1) -> None:
    """The member got a link by hand so long ago."""
    invite_member(member, by=Actor(alice, "Alice"))
    at = timezone.now() - ago
    Invitation.objects.filter(member=member).update(created_at=at)
    Member.objects.filter(pk=member.pk).update(invited_at=at)


def finished_import(people, alice, *members: Member) -> Import:
    heading = {"columns": {"indexes": {"name": 0}, "titles": ["姓名"], "unknown": [], "row": 1}, "sheet": ""}
    imported = Import.objects.create(
        enterprise=people.enterprise,
        author=alice,
        department=people.root,
        mode="create",
        language="zh-hans",
        state="done",
        file_name="十一月入职.xlsx",
        read=len(members),
        created=len(members),
        heading=heading | {"other_sheets": [], "hidden_rows": 0, "hidden_columns": 0},
    )
    for number, member in enumerate(members, 2):
        ImportRow.objects.create(import_job=imported, number=number, verdict="created", member=member)
    return imported


def test_the_composer_shows_number_and_text_and_sends_what_it_showed(desk, people):
    page = desk.get(NEW)
    assert counts(page) == (2, 1)
    assert "[示例科技]" in shown_sms(page) or "【示例科技】" in shown_sms(page)
    refused = desk.post(NEW, {"all_matching": "1"})
    assert (refused.status_code, InvitationBatch.objects.count()) == (422, 0)
    sent = desk.post(NEW, {"all_matching": "1", "expected": expected(page)})
    assert (sent.status_code, InvitationBatch.objects.count()) == (303, 1)
    send_batches()
    text = Message.objects.order_by("pk").first().text
    link = re.compile(r"https?://\S+|•+")
    shown = {link.sub("L", shown_sms(page)).strip().replace(name, "N") for name in ("甲", "乙")}
    assert link.sub("L", text).replace("甲", "N").replace("乙", "N") in shown


def test_a_number_that_changed_meanwhile_comes_back(desk, people):
    page = desk.get(NEW)
    build_member(people, "丁", "ding", "+8613800138013")
    answer = desk.post(NEW, {"all_matching": "1", "expected": expected(page)})
    assert answer.status_code == 422
    assert (counts(answer), expected(answer)) == ((3, 1), "3")
    assert not InvitationBatch.objects.exists()


def test_inviting_selected_members_asks_first(desk, people, wang):
    chosen = {"members": list(Member.objects.values_list("pk", flat=True))}
    page = desk.post(INVITE, chosen)
    assert (page.status_code, counts(page)) == (200, (3, 1))
    assert shown_sms(page)
    assert not Message.objects.exists()
    answer = desk.post(INVITE, chosen | {"expected": "2"})
    assert (answer.status_code, expected(answer)) == (422, "3")
    assert not Message.objects.exists()
    assert desk.post(INVITE, chosen | {"expected": "3"}).status_code == 303
    assert Message.objects.count() == 3


def test_inviting_the_members_of_an_import_asks_first(desk, people, alice):
    imported = finished_import(people, alice, *Member.objects.order_by("pk"))
    url = f"/console/imports/{imported.pk}/invite/"
    page = desk.post(url)
    assert (page.status_code, counts(page)) == (200, (2, 1))
    assert shown_sms(page)
    assert not Message.objects.exists()
    assert desk.get(url)["Location"] == f"/console/imports/{imported.pk}/"
    assert desk.post(url, {"expected": "9"}).status_code == 422
    assert not Message.objects.exists()
    assert desk.post(url, {"expected": expected(page)}).status_code == 303
    assert Message.objects.count() == 2


@pytest.mark.parametrize("door", [NEW, INVITE])
def test_who_had_a_link_within_24_hours_is_left_out_unless_included(desk, people, alice, wang, door):
    recent, *others = Member.objects.filter(activation="phone").order_by("pk")
    were_invited(recent, 23 * HOUR, alice)
    were_invited(others[0], 25 * HOUR, alice)
    Message.objects.all().delete()
    chosen = {"members": [member.pk for member in (recent, *others)]}
    page = desk.post(door, chosen)
    assert counts(page) == (2, 1)
    assert recent.name in page.text
    included = desk.post(door, chosen | {"include_recent": "1"})
    assert counts(included) == (3, 0)
    assert re.search(r'name="include_recent"[^>]*\schecked', included.text)
    assert desk.post(door, chosen | {"include_recent": "1", "expected": "2"}).status_code == 422
    assert desk.post(door, chosen | {"include_recent": "1", "expected": "3"}).status_code == 303
    send_batches()
    assert Message.objects.count() == 3


def test_who_had_a_batch_within_24_hours_cannot_be_included(desk, people, wang, alice):
    """The limits of a sending to many hold for whoever asks (security.md 3.1)."""
    chosen = {"members": list(Member.objects.filter(activation="phone").values_list("pk", flat=True))}
    assert desk.post(INVITE, chosen | {"expected": "3"}).status_code == 303
    Invitation.objects.update(created_at=timezone.now() - 2 * HOUR)
    build_member(people, "丁", "ding", "+8613800138013")
    page = desk.post(NEW, {"all_matching": "1", "include_recent": "1", "preview": "1"})
    assert counts(page) == (1, 4)


def test_two_batches_opened_at_once_promise_nobody_twice(desk, people, alice):
    """The second administrator confirms a number that the first one has used up, before anything is sent."""
    page = desk.get(NEW)
    assert desk.post(NEW, {"all_matching": "1", "expected": expected(page)}).status_code == 303
    answer = desk.post(NEW, {"all_matching": "1", "expected": expected(page)})
    assert (answer.status_code, counts(answer)) == (422, (0, 3))
    with pytest.raises(NumberChanged):
        open_batch(people.enterprise, Member.objects.all(), by=Actor(alice, "Alice"), expected=2)
    assert InvitationBatch.objects.count() == 1


def test_names_of_those_left_out_are_shown_up_to_a_number(desk, people, monkeypatch):
    monkeypatch.setattr("directory.joining.plan.NAMED_MAX", 2)
    for number in range(4):
        build_member(people, f"码{number}", f"ma{number}", None, activation="code")
    page = desk.get(NEW).text
    assert "丙, 码0" in page or "丙、码0" in page
    assert "… and 3 more" in page


def test_the_text_counts_in_parts_and_all_of_them_add_up(desk, people):
    long_name = "长" * 60
    build_member(people, long_name, "chang", "+8613800138013")
    page = desk.get(NEW).text
    parts = re.search(r'data-name="parts" value="(\d+)"', page)[1]
    texts = [sample_text(people.enterprise, member) for member in Member.objects.filter(activation="phone")]
    assert int(parts) == sum(map(count_parts, texts))
    assert len({count_parts(text) for text in texts}) == 2


def test_above_a_limit_the_number_is_typed(desk, people, settings):
    settings.BATCH_CONFIRM_ABOVE = 1
    wanted = {"all_matching": "1", "expected": "2"}
    for typed in ({}, {"confirmed": ""}, {"confirmed": "3"}, {"confirmed": "x"}, {"confirmed": "22"}):
        answer = desk.post(NEW, wanted | typed)
        assert answer.status_code == 422
        assert re.search(r'<input[^>]*name="confirmed"[^>]*aria-invalid="true"', answer.text)
        assert re.search(r'<input[^>]*name="confirmed"[^>]*autofocus', answer.text)
    assert desk.post(NEW, wanted | {"confirmed": " ２ "}).status_code == 303


def test_one_member_is_invited_by_one_click(desk, people, wang):
    assert desk.post(f"/console/members/{wang.pk}/invite/").status_code == 303
    assert Message.objects.count() == 1
    other = Member.objects.get(account="yi")
    assert desk.post(INVITE, {"members": [other.pk]}).status_code == 303
    assert Message.objects.count() == 2
