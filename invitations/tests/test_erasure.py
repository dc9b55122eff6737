"""What is left of an erased member."""

import datetime

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.audit.verification import verify_chain
from accounts.models import AuditEvent
from directory.joining.invitations import invite_member
from directory.members.erasure import erase_deleted_members
from directory.members.recycle_bin import delete_members
from directory.models import Import, ImportRow, Member
from exmail_admin.celery import app
from invitations import tasks
from invitations.models import Application, InvitationBatch, Recipient
from invitations.tests.people import application_of, apply, decision_path, new_phone
from sms.models import Message
from sms.retention import delete_expired_codes

BY = command_actor()


def erase_ended_applications():
    """Do what the scheduled task does."""
    tasks.erase_ended_applications()


@pytest.fixture
def purge():
    def purge_one(member):
        delete_members(member.enterprise, [member.pk], by=BY)
        Member.objects.filter(pk=member.pk).update(deleted_at=timezone.now() - datetime.timedelta(days=30))
        assert erase_deleted_members() == 1

    return purge_one


def application(tenant, **fields):
    fields = {"name": "新人", "phone": "+8613900139001", "prefix": "xin", "state": "approved"} | fields
    return Application.objects.create(
        enterprise=tenant.enterprise,
        domain=tenant.domain,
        department=tenant.root,
        consented_at=timezone.now(),
        **fields,
    )


def test_their_own_application_goes_and_whom_they_invited_stays(tenant, wang, purge):
    own = application(tenant, member=wang, phone=wang.phone)
    long_ago = timezone.now() - datetime.timedelta(days=60)
    before = application(tenant, phone=wang.phone, state="rejected", prefix="earlier", created_at=long_ago)
    guest = application(tenant, inviter=wang)
    purge(wang)
    assert not Application.objects.filter(pk__in=[own.pk, before.pk]).exists()
    guest.refresh_from_db()
    assert (guest.name, guest.inviter) == ("新人", None)


def test_an_application_by_the_new_holder_of_a_number_stays(tenant, wang, purge):
    later = application(tenant, phone=wang.phone, prefix="later")
    purge(wang)
    assert Application.objects.filter(pk=later.pk).exists()


def test_a_batch_keeps_its_count_without_names(client_of, alice, tenant, wang, purge):
    batch = InvitationBatch.objects.create(
        enterprise=tenant.enterprise, author=alice, author_name="Alice", total=1, state="done"
    )
    Recipient.objects.create(batch=batch, member=wang, state="left_out", why=[{"text": "王芳 is disabled."}])
    purge(wang)
    page = client_of(alice).get(f"/console/invitations/{batch.pk}/").content.decode()
    assert "Erased" in page
    assert "王芳" not in page
    assert f"/console/members/{wang.pk}/" not in page


# --- applications that came to nothing


@pytest.mark.parametrize(("seconds", "is_gone"), [(-1, False), (0, True), (1, True)])
def test_rejected_and_withdrawn_applications_end_after_exactly_90_days(tenant, seconds, is_gone):
    now = timezone.now()
    ended = now - datetime.timedelta(days=90, seconds=seconds)
    for number, state in enumerate(("rejected", "withdrawn")):
        application(tenant, state=state, decided_at=ended, phone=f"+861390013900{number}")
    approved = application(tenant, state="approved", decided_at=ended - datetime.timedelta(days=900))
    with time_machine.travel(now, tick=False):
        erase_ended_applications()
    assert list(Application.objects.values_list("pk", flat=True))[-1:] == [approved.pk]
    assert (Application.objects.count() == 1) == is_gone
    events = AuditEvent.objects.filter(action="applications_erased")
    assert [event.personal["after"] for event in events] == [{"rejected": 1, "withdrawn": 1}] * is_gone
    assert verify_chain(tenant.enterprise.pk) is None


def test_nothing_is_left_of_a_rejected_person(client_of, alice, open_tenant, tmp_path):
    enterprise = open_tenant.enterprise
    browser = apply(enterprise, "金丝雀", "canary", "+8613900139777")
    filed = application_of("+8613900139777")
    named = {"column": "email", "text": "canary@example.com has been applied for by %(name)s."}
    imported = Import.objects.create(enterprise=enterprise, author=alice, state="done")
    named["params"] = {"name": "金丝雀"}
    ImportRow.objects.create(import_job=imported, number=2, verdict="refused", problems=[named])
    client_of(alice).post(f"/console/applications/{filed.pk}/reject/", {"reason": ""})
    told = decision_path("+8613900139777")
    traces = {"金丝雀", "canary", "13900139777", "139****9777", "jinsique"}
    with time_machine.travel(timezone.now() + datetime.timedelta(days=90, seconds=1)):
        assert browser.get(told).status_code == 303
        delete_expired_codes()
        erase_ended_applications()
        call_command("dumpdata", output=str(tmp_path / "dump.json"), verbosity=0)
        left = (tmp_path / "dump.json").read_text()
        assert {trace for trace in traces if trace in left} == set()
        assert verify_chain(enterprise.pk) is None
        page = new_phone().get(told)
        assert page.status_code == 404
        assert "This join request is no longer available" in page.text
        assert "deleted after 90 days" in page.text


def test_who_became_a_member_meanwhile_keeps_their_messages(tenant, wang):
    ended = timezone.now() - datetime.timedelta(days=91)
    application(tenant, state="rejected", decided_at=ended, phone=wang.phone)
    invite_member(wang, by=BY)
    Message.objects.update(created_at=ended)
    erase_ended_applications()
    assert not Application.objects.exists()
    assert Message.objects.get().to == wang.phone


def test_ended_applications_are_erased_on_schedule():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert "invitations.tasks.erase_ended_applications" in scheduled
