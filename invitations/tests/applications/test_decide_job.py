"""Decisions on many applications, by the worker, with the author's name and permissions."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from accounts.audit.recording import Actor
from accounts.models import AuditEvent, Role
from conftest import build_member
from directory.models import Member
from invitations.applications import decide_job
from invitations.applications.decide_job import open_decision, work_on_decisions
from invitations.models import Application, Decision
from invitations.tests.people import apply
from sms.models import Message

LIST = "/console/applications/"


@pytest.fixture
def desk(client_of, alice):
    return client_of(alice)


@pytest.fixture
def five(open_tenant, settings):
    """Five pending applications; three are enough for the worker."""
    settings.APPLICATIONS_AT_ONCE = 2
    for number in range(5):
        apply(open_tenant.enterprise, f"人{number}", f"ren{number}", f"+861390013901{number}")
    return open_tenant


def test_many_are_decided_in_the_background_and_found_again(desk, five):
    build_member(five, "禁用", "jy", "+8613900139012", status="disabled")
    answer = desk.post(f"{LIST}approve/", {"all_matching": "1"})
    decision = Decision.objects.get()
    page = f"{LIST}decisions/{decision.pk}/"
    assert (answer.status_code, answer["Location"]) == (303, page)
    assert 'data-state="working"' in desk.get(page).text
    assert not Member.objects.filter(status="active").exists()
    assert page in desk.get(LIST).text
    work_on_decisions()
    shown = desk.get(page).text
    assert 'data-state="done"' in shown
    assert 'data-name="done" value="4"' in shown
    assert 'data-name="left_out" value="1"' in shown
    assert "人2" in shown
    assert decision.items.get(state="left_out").reason in shown
    assert Application.objects.filter(state="approved").count() == 4
    assert str(Application.objects.filter(state="approved").first().decided_by) == "Alice"
    assert Message.objects.filter(kind="decision").count() == 4
    assert AuditEvent.objects.filter(action="application_approved", via="task").count() == 4
    assert AuditEvent.objects.get(action="decision_opened").personal["after"]["applications"] == 5


def test_many_are_rejected_with_one_reason(desk, five):
    ids = list(Application.objects.values_list("pk", flat=True))[:3]
    answer = desk.post(f"{LIST}reject/", {"applications": ids, "reason": "  不是  本公司员工 "})
    assert answer["Location"].startswith(f"{LIST}decisions/")
    work_on_decisions()
    assert set(Application.objects.filter(state="rejected").values_list("reason", flat=True)) == {"不是 本公司员工"}
    assert Application.objects.filter(state="pending").count() == 2


@pytest.mark.parametrize("reason", ["x" * 201, "a\0b"])
@pytest.mark.parametrize("chosen", ["applications", "all_matching"])
def test_a_reason_that_is_refused_is_not_lost_and_rejects_nobody(desk, five, reason, chosen):
    ids = list(Application.objects.order_by("pk").values_list("pk", flat=True))
    answer = desk.post(f"{LIST}reject/", {chosen: ids if chosen == "applications" else "1", "reason": reason})
    assert answer.status_code == 422
    form = answer.context["reject_form" if chosen == "applications" else "reject_all_form"]
    assert form.errors["reason"]
    assert form["reason"].value() == reason
    ticked = re.findall(r'name="applications"\s+value="(\d+)"\s+checked', answer.content.decode())
    assert sorted(map(int, ticked)) == (ids if chosen == "applications" else [])
    assert all(tab.url.startswith(LIST) for tab in answer.context["tabs"])
    assert not Application.objects.exclude(state="pending").exists()


def test_none_of_those_ticked_is_dropped_unseen(desk, five):
    ids = list(Application.objects.values_list("pk", flat=True))
    desk.post(f"{LIST}approve/", {"applications": [*range(10**6, 10**6 + 600), *ids]})
    assert Decision.objects.get().total == len(ids)


def test_few_are_decided_at_once(desk, five):
    ids = list(Application.objects.values_list("pk", flat=True))[:2]
    answer = desk.post(f"{LIST}approve/", {"applications": ids}, follow=True)
    assert "2 join requests approved" in answer.text
    assert not Decision.objects.exists()


def test_a_worker_that_was_killed_goes_on_and_nobody_hears_twice(five, alice, monkeypatch):
    by = Actor(alice, "Alice")
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=by)
    lease = decide_job.QUEUE.claim(decision.pk)
    assert decide_job._decide_next(decision, lease)
    with monkeypatch.context() as broken:
        broken.setattr(decide_job.DecisionItem, "save", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            decide_job._decide_next(decision, lease)
    assert Application.objects.filter(state="approved").count() == 1
    lease.release()
    work_on_decisions()
    assert Message.objects.filter(kind="decision").count() == 5
    assert AuditEvent.objects.filter(action="application_approved").count() == 5


def test_application_decided_meanwhile_is_skipped_with_the_reason(desk, five, alice):
    by = Actor(alice, "Alice")
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=by)
    first = Application.objects.order_by("pk").first()
    desk.post(f"{LIST}{first.pk}/reject/")
    work_on_decisions()
    left_out = decision.items.get(state="left_out")
    assert left_out.application == first
    assert left_out.reason.startswith(first.name)
    assert Message.objects.filter(kind="decision").count() == 5


def test_author_without_the_right_decides_nothing_more(five, dora):
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=Actor(dora, "Dora"))
    lease = decide_job.QUEUE.claim(decision.pk)
    assert decide_job._decide_next(decision, lease)
    lease.release()
    Role.objects.filter(user=dora).update(name="auditor")
    work_on_decisions()
    assert Application.objects.filter(state="approved").count() == 1
    assert decision.items.filter(state="left_out", why__0__params__name="Dora").count() == 4


def test_a_department_administrator_decides_within_their_departments(client_of, bob, five):
    mine = list(Application.objects.order_by("pk")[:4])
    Application.objects.filter(pk__in=[one.pk for one in mine]).update(department=five.east)
    client = client_of(bob)
    client.post(f"{LIST}approve/", {"all_matching": "1"})
    decision = Decision.objects.get()
    assert decision.total == 4
    Application.objects.filter(pk=mine[0].pk).update(department=five.root)
    work_on_decisions()
    assert Application.objects.filter(state="approved").count() == 3
    assert client.get(f"{LIST}decisions/{decision.pk}/").status_code == 200


def test_others_find_no_decision_of_anothers(client_of, alice, bob, charlie, five):
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=Actor(alice, "Alice"))
    for who in (bob, charlie):
        assert client_of(who).get(f"{LIST}decisions/{decision.pk}/").status_code == 404
        assert "decisions/" not in client_of(who).get(LIST).text


def test_reason_for_skipping_is_shown_in_the_readers_language(desk, five, alice):
    build_member(five, "禁用", "jy", "+8613900139012", status="disabled")
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=Actor(alice, "Alice"))
    desk.post(f"{LIST}{Application.objects.get(name='人4').pk}/reject/")
    work_on_decisions()
    page = f"{LIST}decisions/{decision.pk}/"
    english = desk.get(page, headers={"accept-language": "en"}).text
    assert "This phone number belongs to 禁用, who is disabled. Enable that member instead." in english
    assert "人4: already reviewed (Rejected)." in english
    chinese = desk.get(page, headers={"accept-language": "zh-hans"}).text
    assert "此手机号属于已禁用的成员禁用" in chinese
    assert "人4：已处理（已拒绝）。" in chinese


def test_a_deactivated_author_decides_nothing_more(five, alice):
    """C7: the author's right is read again for each application."""
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=Actor(alice, "Alice"))
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    work_on_decisions()
    with override("en"):
        assert {item.reason for item in decision.items.all()} == {
            "Alice no longer has permission to review join requests."
        }
    assert not Application.objects.exclude(state="pending").exists()


def test_an_application_that_breaks_again_and_again_is_left_out_and_the_others_are_decided(
    five, alice, monkeypatch, settings
):
    settings.JOB_RETRY_SECONDS = 0
    decision = open_decision(five.enterprise, Application.objects.all(), "approved", by=Actor(alice, "Alice"))
    real, broken = decide_job.approve_application, Application.objects.order_by("pk")[1].pk

    def approve(application, *, by):
        return 1 / 0 if application.pk == broken else real(application, by=by)

    monkeypatch.setattr(decide_job, "approve_application", approve)
    work_on_decisions()
    decision.refresh_from_db()
    assert (decision.state, Application.objects.filter(state="approved").count()) == ("done", 4)
    with override("en"):
        assert "went wrong" in decision.items.get(state="left_out").reason
