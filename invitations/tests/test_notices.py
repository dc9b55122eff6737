"""Notices: whom they reach, what is left out and why, and that nobody gets two."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import build_member
from directory.joining import join_member
from directory.models import Invitation, Member
from directory.personal_invitations import invite_member
from invitations import notices
from invitations.models import Notice, Recipient
from invitations.notices import open_notice, send_chunk, send_notices
from sms.models import Message

NEW = "/console/invitations/new/"


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


@pytest.fixture
def people(house, lin, wang, zhao):
    """Three more who have not joined, one without a phone."""
    build_member(house, "甲", "jia", "+8613800138011", department=house.market)
    build_member(house, "乙", "yi", "+8613800138012")
    build_member(house, "丙", "bing", None, activation="code")
    return house


def yesterday():
    moved = timezone.now() - timedelta(hours=25)
    Recipient.objects.update(sent_at=moved)
    Invitation.objects.update(created_at=moved)
    Member.objects.update(invited_at=moved)


def test_a_notice_reaches_everyone_who_has_not_joined(desk, people, wang):
    page = desk.get(NEW).text
    assert 'data-name="messages" value="3"' in page
    assert 'data-name="left_out" value="1"' in page
    answer = desk.post(NEW, {"all_matching": "1"})
    notice = Notice.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/console/invitations/{notice.pk}/")
    assert 'data-state="sending"' in desk.get(answer["Location"]).text
    assert not Message.objects.exists()
    send_notices()
    page = desk.get(answer["Location"]).text
    assert 'data-state="done"' in page
    assert 'data-name="messages" value="3"' in page
    left_out = Recipient.objects.get(state="left_out")
    assert left_out.member.name == "丙"
    assert left_out.reason.startswith("丙")
    assert left_out.reason in page
    assert Message.objects.count() == 3
    join_member(Member.objects.get(pk=wang.pk), phone=wang.phone, by=notices.Actor(user=None, name="王芳"))
    assert 'data-name="joined" value="1"' in desk.get(answer["Location"]).text
    assert f'data-id="{notice.pk}"' in desk.get("/console/invitations/").text


def test_the_preview_says_who_is_left_out_and_why(desk, people):
    page = desk.get(NEW, {"status": ""}).text
    assert 'data-name="chosen" value="6"' in page
    for words in ("1 has joined", "1 is disabled", "1 joins with an activation code"):
        assert words in page


def test_who_was_sent_a_link_just_now_is_left_out_of_the_preview_too(desk, people, wang, alice):
    invite_member(wang, by=notices.Actor(user=alice, name="Alice"))
    page = desk.get(NEW).text
    assert 'data-name="messages" value="2"' in page
    assert "1 was sent a link less than a minute ago" in page


def test_only_those_ticked_get_one(desk, people, wang):
    desk.post(NEW, {"members": [wang.pk], "all_matching": "1"})
    send_notices()
    assert [message.to for message in Message.objects.all()] == [wang.phone]


def test_search_and_department_choose(desk, people):
    desk.post(NEW, {"all_matching": "1", "department": people.market.pk, "status": "pending", "q": ""})
    assert set(Recipient.objects.values_list("member__name", flat=True)) == {"王芳", "甲"}


def test_nothing_ticked_is_refused(desk, people):
    answer = desk.post(NEW, {"status": "pending"})
    assert answer.status_code == 422
    assert not Notice.objects.exists()


def test_one_a_day_and_three_a_week(desk, people):
    for number in range(4):
        if number < 3:
            assert desk.post(NEW, {"all_matching": "1"}).status_code == 303
            send_notices()
        assert desk.post(NEW, {"all_matching": "1"}).status_code == 422
        yesterday()
    assert Message.objects.count() == 9


def test_more_than_500_ask_to_be_confirmed(desk, people, monkeypatch):
    monkeypatch.setattr("invitations.views.notices.CONFIRM_ABOVE", 2)
    asked = desk.post(NEW, {"all_matching": "1"})
    assert asked.status_code == 422
    assert "This sends 3 messages" in asked.text
    assert 'name="confirmed"' in asked.text
    assert desk.post(NEW, {"all_matching": "1", "confirmed": "1"}).status_code == 303


def test_a_worker_that_was_killed_goes_on_and_nobody_gets_two(people, alice, monkeypatch):
    monkeypatch.setattr(notices, "CHUNK", 2)
    by = notices.Actor(user=alice, name="Alice")
    notice = open_notice(people.enterprise, Member.objects.filter(status="pending"), by=by)
    assert send_chunk(notice)
    with monkeypatch.context() as broken:
        broken.setattr(Recipient.objects.__class__, "bulk_update", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            send_chunk(notice)
    send_notices()
    send_notices()
    notice.refresh_from_db()
    assert notice.state == "done"
    assert Message.objects.count() == 3
    assert Message.objects.values("to").distinct().count() == 3


def test_a_department_administrator_invites_their_own_people_only(client_of, bob, people, wang):
    other = Member.objects.get(account="yi")
    client = client_of(bob)
    client.post(NEW, {"members": [other.pk, wang.pk]})
    assert list(Recipient.objects.values_list("member", flat=True)) == [wang.pk]


def test_another_enterprises_notice_is_not_found(desk, client_of, charlie, people):
    desk.post(NEW, {"all_matching": "1"})
    assert client_of(charlie).get(f"/console/invitations/{Notice.objects.get().pk}/").status_code == 404
