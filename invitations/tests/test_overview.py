"""The overview: onboarding progress and open tasks."""

import pytest
from django.urls import reverse
from django.utils import timezone

from conftest import build_member
from sms.models import Alarm

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


def test_tasks_are_hidden_from_those_who_may_not_act_on_them(client_of, erin, bob, lin, enterprise):
    enterprise.sms_messages.create(
        kind="invitation", purpose="invitation", subject="member:1", to="+8613800138002", state="rejected", text="…"
    )
    auditors = client_of(erin).get(URL).text
    assert "To-do list" in auditors
    assert "Waiting for you" not in auditors
    assert "has no webmail address" not in auditors
    assert "Nothing to do. All members are invited" in client_of(bob).get(URL).text


def test_another_enterprise_is_invisible(client_of, charlie, lin, wang):
    page = client_of(charlie).get(URL).text
    assert "No members in the directory yet" in page
    assert lin.name not in page


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_overview_is_read_only(client_of, alice, method):
    assert getattr(client_of(alice), method)(URL).status_code == 405


def test_alarms_are_shown_to_those_who_can_act_on_them(client_of, alice, erin, charlie, enterprise):
    Alarm.objects.create(key="1", kind="spent", enterprise=enterprise)
    assert "new browsers get few or none" in client_of(alice).get(URL).text
    assert "new browsers get few or none" not in client_of(erin).get(URL).text
    assert "new browsers get few or none" not in client_of(charlie).get(URL).text
