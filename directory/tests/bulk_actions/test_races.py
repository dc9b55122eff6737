"""Bulk actions under concurrent workers: each member is processed once, and the counts add up."""

import pytest

from accounts.audit.recording import Actor
from accounts.audit.verification import verify_chain
from accounts.models import AuditEvent
from conftest import build_member, build_tenant, build_user
from directory.bulk_actions import job as bulk_actions
from directory.bulk_actions.job import cancel_bulk_action, open_bulk_action, work_on_bulk_actions
from directory.members.actions import disable_member
from directory.models import BulkAction, Member
from directory.tests.racing import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
MEMBERS = 60


@pytest.fixture
def crowd(monkeypatch):
    monkeypatch.setattr(bulk_actions, "CHUNK", 5)
    tenant = build_tenant("示例科技", "example.com")
    for number in range(MEMBERS):
        build_member(tenant, "李四", f"p{number}", f"+861390013{number:04}", department=tenant.east)
    return tenant


@pytest.fixture
def by(crowd):
    user = build_user("alice", crowd, "owner")
    return Actor(user=user, name="Alice")


def test_overlapping_actions_and_four_workers_process_each_member_once(crowd, by):
    everyone = Member.objects.order_by("pk")
    for members in (everyone[:40], everyone[20:]):
        chosen = Member.objects.filter(pk__in=[member.pk for member in members])
        open_bulk_action(crowd.enterprise, "delete", chosen, by=by)
    at_once(*[work_on_bulk_actions] * 4)
    work_on_bulk_actions()
    first, second = BulkAction.objects.order_by("pk")
    assert (first.state, second.state) == ("done", "done")
    assert first.done + second.done == MEMBERS
    assert first.left_out + second.left_out == 20
    assert first.not_reached == second.not_reached == 0
    # A chunk of which only one member was left is recorded as that member's own deletion.
    alone = [int(event.target_id) for event in AuditEvent.objects.filter(action="member_deleted")]
    named = [event.personal["after"]["members"] for event in AuditEvent.objects.filter(action="members_deleted")]
    ids = [pk for chunk in [alone, *named] for pk in chunk]
    assert (len(ids), len(set(ids))) == (MEMBERS, MEMBERS)
    crowd.root.refresh_from_db()
    assert crowd.root.members_below == 0
    assert verify_chain(crowd.enterprise.pk) is None


def test_cancelled_at_the_same_moment_the_figures_say_what_was_done(crowd, by):
    action = open_bulk_action(crowd.enterprise, "delete", Member.objects.all(), by=by)
    at_once(work_on_bulk_actions, lambda: cancel_bulk_action(action, by=by), work_on_bulk_actions)
    action.refresh_from_db()
    assert action.state in {"cancelled", "done"}
    assert action.done == Member.objects.in_bin().count()
    assert action.done + action.not_reached == MEMBERS
    assert AuditEvent.objects.filter(action__in=["bulk_action_cancelled", "bulk_action_finished"]).count() == 1


def test_a_concurrent_disable_by_hand_counts_once(crowd, by):
    action = open_bulk_action(crowd.enterprise, "disable", Member.objects.all(), by=by)
    some = list(Member.objects.order_by("pk")[::7])
    at_once(work_on_bulk_actions, *[lambda one=one: disable_member(one, by=by) for one in some[:4]])
    action.refresh_from_db()
    by_hand = AuditEvent.objects.filter(action="member_disabled", via="web").count()
    assert (action.done + by_hand, action.left_out) == (MEMBERS, by_hand)
    assert set(Member.objects.values_list("status", flat=True)) == {"disabled"}


def test_one_export_is_written_by_one_worker(crowd, by, settings, tmp_path):
    settings.EXPORT_DIR = tmp_path / "exports"
    action = open_bulk_action(crowd.enterprise, "export", Member.objects.all(), by=by)
    at_once(*[work_on_bulk_actions] * 4)
    action.refresh_from_db()
    assert (action.state, action.done) == ("done", MEMBERS)
    assert [path.stem for path in (tmp_path / "exports").iterdir()] == [action.stored]
