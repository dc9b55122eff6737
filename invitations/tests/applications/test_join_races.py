"""Concurrent requests on PostgreSQL: one application per address or phone, one decision, one member, one SMS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.audit.recording import Actor
from accounts.models import AuditEvent, User
from conftest import Tenant, build_tenant
from directory.models import Address, Member
from invitations.applications.apply import ApplicationInput, file_application, withdraw_application
from invitations.applications.decide import approve_application, reject_application
from invitations.links.actions import default_link, issue_link, reset_link, use_link
from invitations.links.settings import edit_rules, rules_of
from invitations.models import Application, JoinLink
from sms.models import Message

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
BY = Actor(user=None, name="Alice")


@pytest.fixture
def open_tenant() -> Tenant:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    tenant = build_tenant("示例科技", "example.com")
    tenant.enterprise.is_joining_open = True
    tenant.enterprise.save()
    return tenant


def at_once(work: Callable[[int], str], times: int = 50) -> Counter[str]:
    def guarded(number: int) -> str:
        try:
            return work(number)
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(24) as pool:
        return Counter(pool.map(guarded, range(times)))


def file(tenant: Tenant, number: int, *, prefix: str = "", phone: str = "") -> str:
    link = default_link(tenant.enterprise)
    wish = ApplicationInput(name=f"人{number}", prefix=prefix or f"ren{number}")
    file_application(link, wish, phone=phone or f"+86139001390{number:02}", by=BY)
    return "filed"


@pytest.mark.parametrize("approval_required", [True, False])
def test_of_fifty_applications_for_one_address_one_is_filed(open_tenant, approval_required):
    rules = rules_of(open_tenant.enterprise)
    rules.approval_required = approval_required
    rules.save()
    assert at_once(lambda number: file(open_tenant, number, prefix="same")) == {"filed": 1, "AddressUnavailable": 49}
    assert Application.objects.count() == Address.objects.filter(local="same").count() == 1
    assert Member.objects.count() == (0 if approval_required else 1)


@pytest.mark.parametrize("approval_required", [True, False])
def test_of_fifty_applications_by_one_phone_one_is_filed(open_tenant, approval_required):
    rules = rules_of(open_tenant.enterprise)
    rules.approval_required = approval_required
    rules.save()
    outcomes = at_once(lambda number: file(open_tenant, number, phone="+8613900139001"))
    assert outcomes == {"filed": 1, "PhoneKnown": 49}
    assert Application.objects.count() == 1
    assert User.objects.count() == (0 if approval_required else 1)


def test_a_cap_on_uses_holds(open_tenant):
    link = default_link(open_tenant.enterprise)
    link.uses_max = 7
    link.save()
    assert at_once(lambda number: file(open_tenant, number)) == {"filed": 7, "LinkDead": 43}


def test_the_cap_on_what_waits_holds(open_tenant, settings):
    settings.APPLICATIONS_PENDING = 9
    assert at_once(lambda number: file(open_tenant, number)) == {"filed": 9, "ApplyLimited": 41}


def test_fifty_concurrent_applicants_do_not_exceed_a_links_cap(open_tenant):
    link = issue_link(open_tenant.enterprise, by=BY, name="招聘会", uses_max=20, approval_required=False)

    def join(number: int) -> str:
        own = JoinLink.objects.select_related("enterprise").get(pk=link.pk)
        file_application(own, ApplicationInput(f"人{number}", f"ren{number}"), phone=f"+86139001390{number:02}", by=BY)
        return "joined"

    assert at_once(join) == {"joined": 20, "LinkDead": 30}
    link.refresh_from_db()
    assert (link.uses, Member.objects.count()) == (20, 20)


def test_the_count_itself_passes_no_cap_where_no_lock_is_held(open_tenant):
    link = issue_link(open_tenant.enterprise, by=BY, name="招聘会", uses_max=20)

    def use(number: int) -> str:
        use_link(link)
        return "used"

    assert at_once(use) == {"used": 20, "LinkUsedUp": 30}


def test_approving_rejecting_and_withdrawing_at_once_have_one_outcome(open_tenant):
    """J10: one member, one line of the audit log, one SMS."""
    for round in range(5):
        file(open_tenant, round)
        application = Application.objects.latest("pk")

        def decide(number: int, pk: int = application.pk) -> str:
            one = Application.objects.select_related("enterprise").get(pk=pk)
            if number % 3 == 0:
                approve_application(one, by=BY)
            elif number % 3 == 1:
                reject_application(one, by=BY)
            elif not withdraw_application(one, by=BY):
                return "late"
            return "decided"

        assert at_once(decide, 30)["decided"] == 1
        application.refresh_from_db()
        is_approved = application.state == "approved"
        subject = f"application:{application.pk}"
        assert Member.objects.filter(phone=application.phone).count() == is_approved
        assert Message.objects.filter(subject=subject).count() == (application.state != "withdrawn")
        decided = AuditEvent.objects.filter(
            target_type="application", target_id=str(application.pk), action=f"application_{application.state}"
        )
        assert decided.count() == 1
    assert not Address.objects.filter(purpose="held").exists()


def test_once_the_switch_is_off_or_the_link_reset_nothing_more_is_filed(open_tenant):
    def work(number: int) -> str:
        if number == 20:
            reset_link(open_tenant.enterprise, by=BY)
            return "reset"
        link = links[number % 2]
        file_application(link, ApplicationInput(f"人{number}", f"ren{number}"), phone=f"+86139001390{number:02}", by=BY)
        return "filed"

    links = [default_link(open_tenant.enterprise) for _ in range(2)]
    outcomes = at_once(work)
    reset_at = AuditEvent.objects.get(action="join_link_reset").number
    assert not AuditEvent.objects.filter(action="application_filed", number__gt=reset_at).exists()
    assert outcomes["filed"] + outcomes["LinkDead"] == 49
    edit_rules(
        open_tenant.enterprise,
        by=BY,
        enabled=False,
        approval_required=True,
        default_department=open_tenant.root,
        default_domain=open_tenant.domain,
        privacy_notice="",
    )
    assert at_once(lambda number: file(open_tenant, number + 50), 10) == {"LinkDead": 10}
