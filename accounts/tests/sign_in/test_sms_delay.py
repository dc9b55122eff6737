"""Pages that ask for a code while its gateway doesn't respond say so, for every number alike (A9)."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from sms.models import GatewayHealth

WORDS = "SMS can't be sent at the moment"


@pytest.fixture
def break_gateway(settings, db):
    """Open the breaker of the deployment's gateway."""
    GatewayHealth.objects.create(gateway=settings.SMS_GATEWAY, open_since=timezone.now(), next_probe_at=timezone.now())


def code_page(phone: str) -> str:
    """Return the page after a code was requested, without what differs between two requests."""
    client = Client(headers={"accept-language": "en"})
    answer = client.post("/login/", {"phone": phone}, follow=True)
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.text).replace(phone[-4:], "0000")


def test_sign_in_tells_that_sms_are_delayed_and_names_other_ways(break_gateway, lin):
    page = code_page("13800138001")
    assert WORDS in page
    assert "sending it a code" not in page
    assert 'href="/login/"' in page
    assert 'href="/login/password/"' in page
    assert WORDS in Client(headers={"accept-language": "en"}).get("/login/").text


def test_known_and_unknown_numbers_get_the_same_page(break_gateway, lin):
    assert code_page("13800138001") == code_page("13800139999")


def test_nothing_is_said_while_the_gateway_responds(lin):
    page = code_page("13800138001")
    assert WORDS not in page
    assert "sending it a code" in page


def test_confirming_by_code_tells_it_too(break_gateway, lin, tenant, client_of):
    member = client_of(lin.user, method="code", enterprise=tenant.enterprise)
    member.post("/confirm/", {"proof_send": "1"})
    page = member.get("/confirm/").text
    assert WORDS in page
    assert "We sent a code" not in page


def test_the_overview_says_since_when_the_gateway_is_unreachable(break_gateway, client_of, alice, erin):
    assert "The SMS gateway isn&#x27;t responding" in client_of(alice).get("/console/").text


def test_a_demo_enterprise_has_a_gateway_of_its_own(break_gateway, settings, enterprise, client_of, alice):
    settings.SMS_GATEWAY = "twilio"
    GatewayHealth.objects.update(gateway="twilio")
    assert "The SMS gateway isn&#x27;t responding" in client_of(alice).get("/console/").text
    enterprise.is_demo = True
    enterprise.save()
    assert "The SMS gateway isn&#x27;t responding" not in client_of(alice).get("/console/").text
