"""Lists of the console with invalid or outdated parameters."""

import pytest
from django.utils import timezone

from accounts.audit.recording import command_actor, recording
from accounts.models import Role
from conftest import build_member
from directory.models import Address, BulkAction, Import
from invitations.links.actions import issue_link
from invitations.models import Application, Decision, InvitationBatch
from sms.models import Message

pytestmark = pytest.mark.django_db
HUGE = 10**17
# Where the rows of a list stand in its context, if not in `rows`.
ROWS = {"bulk_detail": "reported", "decision_detail": "items", "imports": "history"}


def fill(tenant, member, author):
    """Create a row of each list in `tenant`. Return the addresses of the lists, and the key of each row."""
    enterprise = tenant.enterprise
    address = Address.objects.create(enterprise=enterprise, domain=tenant.domain, local="xin", purpose="held")
    application = Application.objects.create(
        enterprise=enterprise, name="新人", phone="+8613900139001", prefix="xin", domain=tenant.domain, address=address,
        inviter=member, department=tenant.root, consented_at=timezone.now(),
    )  # fmt: skip
    decision = Decision.objects.create(enterprise=enterprise, author_name="A", verdict="approved", total=1)
    item = decision.items.create(application=application, state="left_out")
    with recording(enterprise, by=command_actor()) as record:
        record("enterprise_edited", enterprise)
    link = issue_link(enterprise, by=command_actor(), name="招聘会")
    batch = InvitationBatch.objects.create(enterprise=enterprise, author_name="A", total=1)
    recipient = batch.recipients.create(member=member)
    import_job = Import.objects.create(enterprise=enterprise, author=author, file_name="a.xlsx", state="done")
    action = BulkAction.objects.create(enterprise=enterprise, author=author, author_name="A", kind="disable")
    left_out = action.items.create(member=member, reason=next(iter(action.items.model.Reason)))
    message = Message.objects.create(
        enterprise=enterprise, kind="code", purpose="code", subject=f"of {enterprise.pk}", to="+8613800138000"
    )
    return {
        "messages": ("/console/messages/", message.pk),
        "audit": ("/console/audit/", 1),
        "members": ("/console/members/", f"0.{member.pk}"),
        "administrators": ("/console/administrators/", f"0.{author.roles.get().pk}"),
        "bulk": ("/console/members/bulk/", action.pk),
        "bulk_detail": (f"/console/members/bulk/{action.pk}/", left_out.pk),
        "imports": ("/console/imports/", import_job.pk),
        "links": ("/console/joining/links/", link.pk),
        "batches": ("/console/invitations/", batch.pk),
        "batch_detail": (f"/console/invitations/{batch.pk}/", recipient.pk),
        "batch_new": ("/console/invitations/new/", f"0.{member.pk}"),
        "inviters": ("/console/applications/inviters/", member.pk),
        "applications": ("/console/applications/", application.pk),
        "decision_detail": (f"/console/applications/decisions/{decision.pk}/", item.pk),
    }


@pytest.fixture
def lists(tenant, wang, alice):
    Role.objects.exclude(user=alice).delete()  # so that each list has one row
    return fill(tenant, wang, alice)


@pytest.fixture
def read(client_of, alice):
    """`read(name, path, after="1")` returns the rows that the owner sees at an address of the list `name`."""
    client = client_of(alice)

    def rows(name, path, **asked):
        response = client.get(path, asked)
        assert response.status_code == 200, (name, asked)
        return list(response.context[ROWS.get(name, "rows")])

    return rows


def test_a_key_that_makes_no_sense_or_lies_beyond_the_end_shows_the_first_page(read, lists):
    """What a key looks like is tested with core.pagination; here, that every list reads its keys by it."""
    wrong = []
    for name, (path, own_key) in lists.items():
        first = read(name, path)
        assert first, name
        keys = [HUGE, "\0"] if isinstance(own_key, int) else [f"9.{HUGE}", "0.0", "0."]
        wrong += [
            (name, side, key)
            for side in ("after", "before")
            for key in keys
            if read(name, path, **{side: key}) != first
        ]
    assert wrong == []


def test_a_key_of_another_enterprise_shows_the_first_page(read, lists, other_tenant, charlie):
    others = fill(other_tenant, build_member(other_tenant, "别人", "other", "+8613800138999"), charlie)
    wrong = []
    for name, (path, _key) in lists.items():
        first = read(name, path)
        for side in ("after", "before"):
            if read(name, path, **{side: others[name][1]}) != first:
                wrong.append((name, side))
    assert wrong == []


def test_an_unknown_filter_is_answered(read, lists):
    names = ["state", "kind", "status", "role", "department", "import", "link", "inviter", "action", "actor", "target"]
    names += ["via", "since", "until"]
    for name, (path, _key) in lists.items():
        for value in ("\0", "9" * 40, "0001-01-01", "9999-12-31"):
            read(name, path, **dict.fromkeys(names, value))


def test_a_long_search_and_one_with_a_nul_are_answered(read, lists):
    for name, (path, _key) in lists.items():
        for text in ("a\0b", "张" * 10_000, "1" * 10_000):
            read(name, path, q=text)
