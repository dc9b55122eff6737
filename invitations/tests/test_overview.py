"""The overview: onboarding progress and open tasks."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.recording import command_actor
from accounts.models import AuditCheck
from conftest import build_member
from directory.models import BulkAction, Import, Invitation
from invitations.links.actions import issue_link
from invitations.tests.people import apply
from sms.models import Alarm, GatewayHealth, Message

URL = "/console/"


def test_route_is_the_consoles_front():
    assert reverse("invitations:overview") == URL


def test_an_empty_enterprise_sees_the_first_steps(client_of, alice):
    page = client_of(alice).get(URL)
    assert page.status_code == 200
    assert "No members in the directory yet" in page.text
    assert reverse("directory:member_new") in page.text


def test_the_overview_counts_members_by_onboarding_state(client_of, alice, tenant, lin, wang, zhao):
    build_member(tenant, "钱多", "qianduo", "+8613800138009", invited_at=timezone.now())
    page = client_of(alice).get(URL).text
    for name, count in {"joined": 1, "invited": 1, "not_invited": 1, "disabled": 1}.items():
        assert f'data-name="{name}" value="{count}"' in page


def test_a_department_administrator_counts_their_own_departments(client_of, bob, lin, wang, zhao):
    page = client_of(bob).get(URL).text
    assert 'data-name="joined" value="1"' in page
    assert 'data-name="disabled" value="0"' in page


def test_failed_messages_are_counted(client_of, alice, enterprise, lin):
    enterprise.sms_messages.create(
        kind="invitation", purpose="invitation", subject="member:1", to=str(lin.phone), state="rejected", text="…"
    )
    assert "1 SMS not delivered" in client_of(alice).get(URL).text


def test_a_domain_without_webmail_is_listed(client_of, alice, tenant, lin):
    assert "example.com has no webmail address" in client_of(alice).get(URL).text
    tenant.domain.webmail_url = "https://mail.example.com/"
    tenant.domain.save()
    assert "has no webmail address" not in client_of(alice).get(URL).text


def test_tasks_are_hidden_without_permission(client_of, erin, bob, lin, enterprise):
    enterprise.sms_messages.create(
        kind="invitation", purpose="invitation", subject="member:1", to="+8613800138002", state="rejected", text="…"
    )
    auditors = client_of(erin).get(URL).text
    assert "To-do list" in auditors
    assert "Waiting for you" not in auditors
    assert "has no webmail address" not in auditors
    assert "Nothing is waiting" in client_of(bob).get(URL).text


def test_another_enterprise_is_invisible(client_of, charlie, lin, wang):
    page = client_of(charlie).get(URL).text
    assert "No members in the directory yet" in page
    assert lin.name not in page


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_overview_is_read_only(client_of, alice, method):
    assert getattr(client_of(alice), method)(URL).status_code == 405


def test_alarms_are_shown_with_permission(client_of, alice, erin, charlie, enterprise):
    Alarm.objects.create(key="1", kind="spent", enterprise=enterprise)
    assert "new browsers get few or none" in client_of(alice).get(URL).text
    assert "new browsers get few or none" not in client_of(erin).get(URL).text
    assert "new browsers get few or none" not in client_of(charlie).get(URL).text


# --- what waits: the union of everything


def todos(client) -> dict[str, int]:
    """The count of each thing that waits, by its name."""
    page = client.get(URL).text
    return {name: int(count) for name, count in re.findall(r'data-todo="([\w-]+)"\s+data-count="(\d+)"', page)}


def link_of(client, name: str) -> str:
    """The address to which the one link of a thing leads."""
    item = re.search(rf'data-todo="{name}".*?</li>', client.get(URL).text, re.S)[0]
    (address,) = re.findall(r'href="([^"]+)"', item)
    return address.replace("&amp;", "&")


@pytest.fixture
def waiting(open_tenant, alice, erin, settings):
    """One of each thing that waits, beside one of its kind that doesn't."""
    tenant, enterprise, now = open_tenant, open_tenant.enterprise, timezone.now()
    day = timedelta(days=1)
    apply(enterprise)
    build_member(tenant, "新人", "xinren", "+8613800138021", department=tenant.market)
    build_member(tenant, "无码", "wuma", None, activation="code", department=tenant.market)
    for number, ends in enumerate((-day, day, 5 * day)):
        invited = build_member(tenant, f"邀{number}", f"yao{number}", f"+861380013803{number}", invited_at=now)
        Invitation.objects.create(
            enterprise=enterprise, member=invited, number=1, token_digest=str(number), phone="", expires_at=now + ends
        )
    plain = {"enterprise": enterprise, "author": alice, "finished_at": now}
    for fields in (
        {"state": "ready", "finished_at": None},
        {"state": "failed"},
        {"state": "done", "refused": 2},
        {"state": "done"},
        {"state": "done", "refused": 2, "finished_at": now - 8 * day},
        {"state": "done", "refused": 2, "undone_at": now},
        {"state": "failed", "finished_at": now - 8 * day},
        {"state": "checking", "finished_at": None},
    ):
        Import.objects.create(**plain | fields)
    BulkAction.objects.create(**plain, kind="delete", state="failed")
    BulkAction.objects.create(**plain | {"finished_at": now - 8 * day}, kind="delete", state="failed")
    BulkAction.objects.create(**plain, kind="delete", state="done")
    for subject, number, kind, state in (
        ("member:1", 1, "invitation", "rejected"),
        ("member:2", 1, "invitation", "undelivered"),
        ("member:2", 2, "invitation", "delivered"),
        ("member:3", 1, "decision", "unknown"),
        ("login", 1, "code", "rejected"),
    ):
        Message.objects.create(
            enterprise=enterprise, kind=kind, purpose=kind, subject=subject, logical_no=number, to="+8613800138001",
            state=state, text="…",
        )  # fmt: skip
    by = command_actor()
    issue_link(enterprise, by=by, name="将满", uses=9, uses_max=10)
    issue_link(enterprise, by=by, name="将过期", expires_at=now + 2 * day)
    issue_link(enterprise, by=by, name="还早", expires_at=now + 4 * day, uses=8, uses_max=10)
    issue_link(enterprise, by=by, name="已过期", expires_at=now - day)
    Alarm.objects.create(key="1", kind="spent", enterprise=enterprise)
    GatewayHealth.objects.create(gateway="file", open_since=now, next_probe_at=now)
    AuditCheck.objects.create(enterprise=enterprise, length=9, broken_number=7, finished_at=now, started_at=now)
    Authenticator.objects.create(user=erin, type="totp", data={})
    return tenant


def test_everything_that_waits_is_counted_and_leads_to_exactly_these(client_of, alice, waiting):
    client = client_of(alice)
    assert todos(client) == {
        "audit": 1, "alarms": 1, "gateway": 1, "messages": 2, "applications": 1, "imports": 3, "bulk-actions": 1,
        "uninvited": 1, "unanswered": 2, "codes": 1, "expiring-links": 2, "webmail": 1, "factors": 3,
    }  # fmt: skip
    for name, count in todos(client).items():
        page = client.get(link_of(client, name))
        assert page.status_code == 200
        if name not in {"audit", "alarms", "gateway"}:
            assert len(re.findall(r"<(?:tr|section)[^>]* data-id=", page.text)) == count, name


def test_an_auditor_reads_what_waits_without_a_button(client_of, erin, waiting):
    client = client_of(erin)
    assert set(todos(client)) == {
        "audit", "gateway", "messages", "applications", "imports", "bulk-actions", "uninvited", "unanswered", "codes",
        "expiring-links", "factors",
    }  # fmt: skip
    page = client.get(URL).text
    # The logs are there to be read.
    assert len(re.findall(r'<a[^>]*class="button', page[page.index('class="todos"') :])) == 2
    assert all(client.get(link_of(client, name)).status_code == 200 for name in todos(client))


def test_a_department_administrator_sees_their_own_part_of_what_waits(client_of, bob, waiting):
    assert todos(client_of(bob)) == {"uninvited": 1, "codes": 1}


def test_nothing_of_another_enterprise_waits(client_of, charlie, waiting):
    assert set(todos(client_of(charlie))) <= {"gateway", "webmail", "factors"}


def test_the_page_never_says_nothing_while_something_waits(client_of, alice, waiting):
    assert "Nothing is waiting" not in client_of(alice).get(URL).text


def test_links_wait_only_while_joining_is_open(client_of, alice, waiting):
    waiting.enterprise.is_joining_open = False
    waiting.enterprise.save()
    assert "expiring-links" not in todos(client_of(alice))


def test_factors_wait_only_where_they_are_required(client_of, alice, waiting, settings):
    settings.ACCOUNTS_SECOND_FACTOR_REQUIRED = False
    assert "factors" not in todos(client_of(alice))


def test_the_overview_costs_as_many_queries_for_one_as_for_many(client_of, alice, waiting):
    client = client_of(alice)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(URL)
        return len(queries)

    few = cost()
    for number in range(5):
        build_member(waiting, f"多{number}", f"duo{number}", f"+861380013804{number}")
        Import.objects.create(enterprise=waiting.enterprise, author=alice, state="ready")
    assert cost() == few
    assert few <= 30


def test_the_first_steps_are_ticked_by_the_data(client_of, alice, tenant):
    page = client_of(alice).get(URL).text
    assert page.count("first-step--done") == 2
    tenant.domain.webmail_url = "https://mail.example.com/"
    tenant.domain.save()
    assert client_of(alice).get(URL).text.count("first-step--done") == 3


def test_a_reader_of_an_empty_enterprise_gets_no_steps(client_of, erin):
    page = client_of(erin).get(URL).text
    assert "No members in the directory yet" in page
    assert "first-step" not in page
