"""Under the rule on codes, an approved applicant enters by code the first time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import Enterprise
from directory.models import Address
from directory.tests.entry.test_code_rule import phone_codes_age
from directory.tests.entry.test_entry import sign_in_by_code
from invitations.applications.decide import approve_application
from invitations.models import Application

PHONE = "+8613900139001"


@pytest.fixture
def approved(tenant, alice):
    """Return an applicant approved under the rule, who has not entered yet."""
    since = timezone.now() - timedelta(hours=1)
    Enterprise.objects.filter(pk=tenant.enterprise.pk).update(code_rule="abroad", code_rule_since=since)
    address = Address.objects.create(enterprise=tenant.enterprise, domain=tenant.domain, local="xin", purpose="held")
    application = Application.objects.create(
        enterprise=tenant.enterprise,
        name="新人",
        phone=PHONE,
        prefix="xin",
        domain=tenant.domain,
        department=tenant.east,
        address=address,
        consented_at=timezone.now(),
    )
    return approve_application(application, by=Actor(user=alice, name="Alice"))


def test_the_first_time_a_code_leads_in_and_then_no_more(approved):
    approved.refresh_from_db()
    assert (approved.status, approved.last_entered_at) == ("active", None)
    first, second = Client(), Client()
    assert sign_in_by_code(first, PHONE) == "/mailbox/"
    assert first.get("/mailbox/").status_code == 200
    phone_codes_age(61)
    assert sign_in_by_code(second, PHONE) == "/choose/"
    phone_codes_age(61)
    first.post("/logout/")
    assert sign_in_by_code(first, PHONE) == "/mailbox/"
