"""Two administrators confirm the same number at the same moment: one of them sends, the other gets the new number."""

import pytest

from accounts.audit.recording import Actor
from conftest import build_member, build_tenant, build_user
from directory.joining.invitations import BULK, NumberChanged, invite_members
from directory.models import Invitation, Member
from directory.tests.racing import at_once
from invitations.batches.send import open_batch, send_batches
from invitations.models import InvitationBatch, Recipient

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
MEMBERS = 20


@pytest.fixture
def crowd():
    tenant = build_tenant("示例科技", "example.com")
    for number in range(MEMBERS):
        build_member(tenant, "李四", f"p{number}", f"+861390013{number:04}")
    return tenant


@pytest.fixture
def by(crowd):
    return Actor(user=build_user("alice", crowd, "owner"), name="Alice")


def changed(outcomes) -> int:
    return sum(isinstance(outcome, NumberChanged) for outcome in outcomes)


def test_one_batch_is_opened(crowd, by):
    def confirm():
        return open_batch(crowd.enterprise, Member.objects.all(), by=by, expected=MEMBERS)

    assert changed(at_once(*[confirm] * 3, refusals=(NumberChanged,))) == 2
    assert InvitationBatch.objects.count() == 1
    at_once(send_batches, send_batches)
    assert Recipient.objects.filter(state="sent").count() == Invitation.objects.count() == MEMBERS


def test_one_selection_is_invited(crowd, by):
    members = list(Member.objects.select_related("enterprise"))

    def confirm():
        return invite_members(members, by=by, rules=BULK, expected=MEMBERS)

    assert changed(at_once(*[confirm] * 3, refusals=(NumberChanged,))) == 2
    assert Invitation.objects.count() == MEMBERS
