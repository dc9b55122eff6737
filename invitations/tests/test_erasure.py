"""What is left of an erased member."""

import datetime

import pytest
from django.utils import timezone

from accounts.audit.recording import command_actor
from directory.members.erasure import erase_deleted_members
from directory.members.recycle_bin import delete_members
from directory.models import Member
from invitations.models import Application, InvitationBatch, Recipient

BY = command_actor()


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


def test_whoever_has_the_number_since_keeps_their_application(tenant, wang, purge):
    later = application(tenant, phone=wang.phone, prefix="later")
    purge(wang)
    assert Application.objects.filter(pk=later.pk).exists()


def test_a_batch_keeps_its_count_and_tells_no_name(client_of, alice, tenant, wang, purge):
    batch = InvitationBatch.objects.create(
        enterprise=tenant.enterprise, author=alice, author_name="Alice", total=1, state="done"
    )
    Recipient.objects.create(batch=batch, member=wang, state="left_out", why=[{"text": "王芳 is disabled."}])
    purge(wang)
    page = client_of(alice).get(f"/console/invitations/{batch.pk}/").content.decode()
    assert "Erased" in page
    assert "王芳" not in page
    assert f"/console/members/{wang.pk}/" not in page
