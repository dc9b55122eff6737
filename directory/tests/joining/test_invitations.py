"""Sending personal links: to whom, how often, and what is kept."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import AuditEvent
from conftest import build_member
from core.encryption import decrypt
from directory.joining.invitations import (
    InvitationNotSent,
    LinkStatus,
    find_invitation,
    invite_member,
    invite_members,
    link_status_of,
    revoke_invitations,
)
from directory.models import Invitation
from directory.tests.phone import link_to
from sms.models import Message, PhoneAttemptCounter


@pytest.fixture
def by(alice):
    return Actor(user=alice, name="Alice")


def age(invitation, **ago):
    Invitation.objects.filter(pk=invitation.pk).update(created_at=timezone.now() - timedelta(**ago))


def test_a_member_is_sent_a_link_that_only_the_message_knows(wang, by, settings):
    invitation = invite_member(wang, by=by)

    message = Message.objects.get()
    link = decrypt(message.encrypted)["link"]
    token = re.fullmatch(re.escape(settings.PUBLIC_URL) + r"/i/([\w-]{22})/", link)[1]
    assert (message.to, message.kind, message.state) == ("+8613800138002", "invitation", "pending")
    assert token not in message.text
    assert token not in str(Invitation.objects.values())
    assert find_invitation(token) == invitation
    assert invitation.sent_by == by.user
    wang.refresh_from_db()
    assert wang.invited_at == invitation.created_at


def test_a_fresh_link_supersedes_the_one_before_and_its_waiting_message(wang, by):
    first = invite_member(wang, by=by)
    age(first, seconds=60)

    second = invite_member(wang, by=by)

    first.refresh_from_db()
    assert link_status_of(first) == LinkStatus.SUPERSEDED
    assert link_status_of(second) == LinkStatus.ACTIVE
    old, new = Message.objects.order_by("id")
    assert (old.state, old.encrypted) == ("cancelled", "")
    assert new.state == "pending"
    assert (old.logical_no, new.logical_no) == (1, 2)


def test_links_go_out_a_minute_apart(wang, by):
    first = invite_member(wang, by=by)
    with pytest.raises(InvitationNotSent) as refusal:
        invite_member(wang, by=by)
    assert 0 < refusal.value.retry_after <= 60
    age(first, seconds=61)
    invite_member(wang, by=by)


def test_five_links_go_out_within_a_day_and_no_sixth(wang, by):
    for number in range(1, 6):
        invitation = invite_member(wang, by=by)
        assert invitation.number == number
        age(invitation, hours=23)
    with pytest.raises(InvitationNotSent):
        invite_member(wang, by=by)
    Invitation.objects.filter(number=1).update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert invite_member(wang, by=by).number == 6


def test_the_wait_after_five_links_ends_when_the_oldest_is_a_day_old(wang, by):
    for minutes in (10, 300, 600, 900, 1200):
        age(invite_member(wang, by=by), minutes=24 * 60 - minutes)
    with pytest.raises(InvitationNotSent) as refusal:
        invite_member(wang, by=by)
    assert 598 <= refusal.value.retry_after <= 600
    assert "tomorrow" not in str(refusal.value)


def test_links_renewed_by_their_holder_leave_the_administrators_theirs(wang, by):
    holder = Actor(user=None, name=wang.name)
    for _ in range(2):
        age(invite_member(wang, by=holder, share=Invitation.Share.HOLDER), minutes=2)
    with pytest.raises(InvitationNotSent) as refusal:
        invite_member(wang, by=holder, share=Invitation.Share.HOLDER)
    assert 0 < refusal.value.retry_after <= 86400
    for _ in range(5):
        age(invite_member(wang, by=by), minutes=2)
    with pytest.raises(InvitationNotSent):
        invite_member(wang, by=by)
    assert Invitation.objects.count() == 7


@pytest.mark.parametrize("who", ["lin", "zhao"])
def test_joined_and_disabled_members_get_no_link(who, by, request):
    with pytest.raises(InvitationNotSent):
        invite_member(request.getfixturevalue(who), by=by)
    assert not Message.objects.exists()


def test_members_who_cannot_be_invited_are_left_out_with_the_reason(tenant, lin, wang, zhao, by):
    silent = build_member(tenant, "钱一", "qianyi", None, activation="code")

    outcome = invite_members([lin, wang, zhao, silent], by=by)

    assert outcome.sent == 1
    assert {member for member, _why in outcome.left_out} == {lin, zhao, silent}
    assert all(member.name in why for member, why in outcome.left_out)
    again = invite_members([lin, wang, zhao, silent], by=by)
    assert (again.sent, len(again.left_out)) == (0, 4)


def test_inviting_many_costs_few_statements_of_its_own(tenant, by, django_assert_max_num_queries):
    members = [build_member(tenant, f"成员{n}", f"m{n}", f"+86138001390{n:02}") for n in range(30)]
    with django_assert_max_num_queries(16):
        assert invite_members(members, by=by).sent == 30
    Invitation.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    with django_assert_max_num_queries(16):
        assert invite_members(members, by=by).sent == 30


def test_nobody_is_invited_by_hand_of_another_enterprise(wang, other_tenant, by):
    stranger = build_member(other_tenant, "别人", "bieren", "+8613900139000")
    outcome = invite_members([wang, stranger], by=by)
    assert outcome.sent == 1
    assert not stranger.invitations.exists()


def test_each_link_leaves_one_line_in_the_log_and_no_secret(wang, by):
    invite_member(wang, by=by)
    event = AuditEvent.objects.get(action="invitation_sent")
    assert event.target_id == str(wang.pk)
    token = link_to(wang.phone).split("/")[2]
    assert token not in str(AuditEvent.objects.values())
    assert str(wang.phone) not in str(AuditEvent.objects.values())


def test_a_revoked_link_is_dead_and_its_message_is_not_sent(wang, by):
    invitation = invite_member(wang, by=by)
    revoke_invitations(wang)
    invitation.refresh_from_db()
    assert link_status_of(invitation) == LinkStatus.SUPERSEDED
    assert Message.objects.get().state == "cancelled"


@pytest.mark.parametrize(("left", "status"), [(1, "active"), (0, "expired"), (-1, "expired")])
def test_a_link_is_active_until_its_last_second(wang, by, time_machine, left, status):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    invitation = invite_member(wang, by=by)
    invitation.expires_at = now + timedelta(seconds=left)
    assert link_status_of(invitation) == status


def test_a_link_to_a_number_no_longer_on_record_is_superseded(wang, by):
    invitation = invite_member(wang, by=by)
    invitation.member.phone = "+8613800138009"
    assert link_status_of(invitation) == LinkStatus.SUPERSEDED


@pytest.mark.parametrize(("who", "failures"), [("an administrator", 0), ("the member", 100)])
def test_only_an_administrators_link_ends_a_numbers_lock(wang, by, who, failures):
    PhoneAttemptCounter.objects.create(phone=str(wang.phone), failures=100)
    invite_member(wang, by=by if who == "an administrator" else Actor(user=None, name=wang.name))
    assert PhoneAttemptCounter.objects.get().failures == failures
