"""Following the chain in the background: by slices, resumable, and without a way to fool it by cutting back."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.audit import verification_job
from accounts.audit.recording import command_actor
from accounts.audit.triggers import drop_triggers
from accounts.audit.verification_job import start_check, start_due_checks, work_on_checks
from accounts.models import AuditChain, AuditCheck, AuditEvent
from accounts.tasks import work_on_audit_checks
from accounts.tests.audit.test_recording import fill_log, overwrite, write_events

pytestmark = pytest.mark.django_db
LIST, CHECK = "/console/audit/", "/console/audit/check/"


@pytest.fixture
def owner(client_of, alice):
    return client_of(alice)


@pytest.fixture
def _long(settings, monkeypatch):
    """Leave the check to a worker, which follows two events per turn."""
    settings.AUDIT_CHECKED_AT_ONCE = 0
    monkeypatch.setattr(verification_job, "CHUNK", 2)
    settings.JOB_TURN_SECONDS = settings.JOB_TASK_SECONDS = 0


def one_step():
    """One turn of a worker, which is over after its first chunk."""
    work_on_checks()
    return AuditCheck.objects.get()


def test_a_short_log_is_verified_at_once_and_the_page_says_so(owner, enterprise):
    assert b"hasn't been verified yet" in owner.get(LIST).content
    fill_log(enterprise, 4)
    answer = owner.post(CHECK, follow=True)
    page = answer.content.decode()
    assert "The activity log is complete and unmodified." in page
    assert "Intact up to event 5" in page
    check = AuditCheck.objects.get()
    assert (check.state, check.number, check.length) == ("whole", 5, 5)
    assert AuditEvent.objects.get(number=5).action == "audit_check_started"
    write_events(enterprise, 2)
    assert b"2 newer events" in owner.get(LIST).content


def test_a_broken_link_is_named_by_its_number(owner, enterprise):
    fill_log(enterprise, 6)
    overwrite(enterprise, 3, ip="6.6.6.6")
    page = owner.post(CHECK, follow=True).content.decode()
    assert "The log is broken at event 3:" in page
    assert "its content was changed" in page
    assert "is complete and unmodified" not in page
    assert AuditCheck.objects.get().number == 2


@pytest.mark.usefixtures("_long")
def test_a_long_log_is_verified_in_chunks_with_progress_and_resumes(owner, enterprise, settings):
    fill_log(enterprise, 6)
    owner.post(CHECK)
    assert AuditCheck.objects.get().state == "running"
    assert one_step().number == 2
    page = owner.get(LIST).content.decode()
    assert 'value="2" max="7"' in page
    fragment = owner.get(LIST, headers={"HX-Request": "true", "HX-Target": "audit-chain"}).content.decode()
    assert 'value="2" max="7"' in fragment
    assert "<html" not in fragment
    # Asked for again while it runs, it goes on.
    owner.post(CHECK)
    assert AuditCheck.objects.get().number == 2
    settings.JOB_TURN_SECONDS = settings.JOB_TASK_SECONDS = 20
    work_on_checks()
    check = AuditCheck.objects.get()
    assert (check.state, check.number, check.lease) == ("whole", 7, "")


@pytest.mark.usefixtures("_long")
def test_a_leased_check_is_resumed_only_after_its_lease(enterprise, settings):
    settings.JOB_TURN_SECONDS = settings.JOB_TASK_SECONDS = 20
    fill_log(enterprise, 3)
    start_check(enterprise, by=command_actor())
    AuditCheck.objects.update(lease="other", lease_until=timezone.now() + timedelta(seconds=30))
    work_on_audit_checks()
    assert AuditCheck.objects.get().number == 0
    AuditCheck.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work_on_audit_checks()
    assert AuditCheck.objects.get().state == "whole"


@pytest.mark.usefixtures("_long")
def test_a_turn_that_is_over_leaves_the_rest_to_the_next_one(enterprise):
    fill_log(enterprise, 3)
    start_check(enterprise, by=command_actor())
    check = one_step()
    assert (check.state, check.number, check.lease) == ("running", 2, "")


@pytest.mark.usefixtures("_long")
def test_events_added_during_a_check_are_not_part_of_it(enterprise, settings):
    fill_log(enterprise, 3)
    start_check(enterprise, by=command_actor())
    write_events(enterprise, 3)
    settings.JOB_TURN_SECONDS = settings.JOB_TASK_SECONDS = 20
    work_on_checks()
    check = AuditCheck.objects.get()
    assert (check.state, check.number) == ("whole", 4)


def cut_back(enterprise, length):
    """What someone with the database in hand may do: the tail, and the row that tells of it."""
    drop_triggers("default")
    AuditEvent.objects.filter(enterprise=enterprise, number__gt=length).delete()
    head = AuditEvent.objects.get(enterprise=enterprise, number=length).digest
    AuditChain.objects.filter(enterprise=enterprise).update(length=length, head=head)


def test_a_log_truncated_with_its_row_is_detected(enterprise):
    fill_log(enterprise, 9)
    start_check(enterprise, by=command_actor())
    cut_back(enterprise, 5)
    check = start_check(enterprise, by=command_actor())
    check.refresh_from_db()
    assert (check.state, check.broken_number) == ("broken", 6)


def test_a_log_truncated_and_extended_again_is_detected(enterprise):
    fill_log(enterprise, 5)
    start_check(enterprise, by=command_actor())
    cut_back(enterprise, 3)
    write_events(enterprise, 8)
    check = start_check(enterprise, by=command_actor())
    check.refresh_from_db()
    assert (check.state, check.broken_number) == ("broken", 6)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_event_is_detected(enterprise, number):
    fill_log(enterprise, 5)
    drop_triggers("default")
    AuditEvent.objects.filter(number=number).delete()
    check = start_check(enterprise, by=command_actor())
    check.refresh_from_db()
    assert (check.state, check.broken_number) == ("broken", number)


def test_missing_last_events_are_detected(enterprise):
    fill_log(enterprise, 5)
    drop_triggers("default")
    AuditEvent.objects.filter(number__gt=3).delete()
    check = start_check(enterprise, by=command_actor())
    check.refresh_from_db()
    assert (check.state, check.broken_number) == ("broken", 4)


def test_each_enterprise_has_its_own_check(owner, other_tenant, enterprise):
    write_events(other_tenant.enterprise, 3)
    overwrite(other_tenant.enterprise, 2, ip="6.6.6.6")
    assert b"is complete and unmodified" in owner.post(CHECK, follow=True).content
    assert AuditCheck.objects.count() == 1


def watch():
    """What the clock and a worker do in an hour. How many chains were followed."""
    begun = start_due_checks()
    work_on_checks()
    return begun


def test_scheduled_checks_verify_new_chains_and_new_events(owner, enterprise):
    fill_log(enterprise, 3)
    assert watch() == 1
    assert b"Intact up to event 3" in owner.get(LIST).content
    assert AuditEvent.objects.count() == 3, "it makes no event of its own: else there would be something new each hour"
    assert watch() == 0
    write_events(enterprise, 2)
    assert watch() == 1
    check = AuditCheck.objects.get()
    assert (check.state, check.number, check.proven_number) == ("whole", 5, 5)


def test_a_scheduled_check_starts_where_the_last_one_ended(enterprise, settings, monkeypatch):
    fill_log(enterprise, 5)
    watch()
    write_events(enterprise, 2)
    start_due_checks()
    check = AuditCheck.objects.get()
    assert (check.state, check.number, check.length) == ("running", 5, 7)


@pytest.mark.parametrize(("seconds", "number"), [(-1, 5), (0, 0), (1, 0)])
def test_a_full_check_is_started_after_a_week(enterprise, seconds, number):
    fill_log(enterprise, 5)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        watch()
        write_events(enterprise, 1)
        clock.shift(timedelta(days=7, seconds=seconds))
        assert start_due_checks() == 1
    assert AuditCheck.objects.get().number == number


def test_a_full_check_finds_changes_to_old_events(enterprise):
    fill_log(enterprise, 5)
    watch()
    overwrite(enterprise, 2, ip="6.6.6.6")
    assert watch() == 0
    with time_machine.travel(timezone.now() + timedelta(days=7)):
        watch()
    assert AuditCheck.objects.get().broken_number == 2


def cut_only_the_row(enterprise):
    AuditChain.objects.filter(enterprise=enterprise).update(length=4, head="0" * 64)


def another_head(enterprise):
    AuditChain.objects.filter(enterprise=enterprise).update(head="0" * 64)


def no_row(enterprise):
    AuditChain.objects.filter(enterprise=enterprise).delete()


def a_new_event_changed(enterprise):
    write_events(enterprise, 3)
    overwrite(enterprise, 7, ip="6.6.6.6")


def a_new_tail(enterprise):
    cut_back(enterprise, 4)
    write_events(enterprise, 4)


@pytest.mark.parametrize(
    ("tamper", "number"),
    [(cut_only_the_row, 5), (another_head, 6), (no_row, 1), (a_new_event_changed, 7), (a_new_tail, 6)],
)
def test_the_overview_shows_a_broken_chain_until_a_check_succeeds(
    owner, erin, bob, client_of, enterprise, tamper, number
):
    fill_log(enterprise, 5)
    watch()
    tamper(enterprise)
    assert watch() == 1
    message = f"it is broken at event {number}."
    assert message in owner.get("/console/").text
    assert message in client_of(erin).get("/console/").text
    assert message not in client_of(bob).get("/console/").text, "who may not read the log"
    assert f"broken at event {number}:" in owner.get(LIST).text
    assert watch() == 0, "a break is not forgotten because time goes by"
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        assert watch() == 0
    assert message in client_of(erin).get("/console/").text


def test_a_broken_chain_of_another_enterprise_is_not_shown(owner, other_tenant, enterprise):
    write_events(other_tenant.enterprise, 3)
    overwrite(other_tenant.enterprise, 2, ip="6.6.6.6")
    watch()
    assert AuditCheck.objects.get(enterprise=other_tenant.enterprise).state == "broken"
    assert b"has been modified" not in owner.get("/console/").content


@pytest.mark.usefixtures("_long")
def test_a_running_check_is_not_restarted(enterprise, settings):
    fill_log(enterprise, 6)
    start_check(enterprise, by=command_actor())
    one_step()
    assert start_due_checks() == 0
    assert AuditCheck.objects.get().number == 2
