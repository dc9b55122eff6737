"""Exports of applications leave a record (C3)."""

from __future__ import annotations

from accounts.models import AuditEvent
from invitations.tests.people import apply

URL = "/console/applications/export/"


def test_an_export_is_recorded_with_its_number_and_filters_but_no_name(client_of, alice, open_tenant):
    apply(open_tenant.enterprise)
    client = client_of(alice)
    answer = client.post(URL, {"q": "张伟", "state": "pending", "format": "csv"})
    assert "张伟" in answer.text
    event = AuditEvent.objects.get(action="applications_exported")
    assert (event.actor_user_id, event.via) == (alice.pk, "web")
    assert event.personal["after"] == {"applications": 1, "filters": {"q": "…", "state": "pending"}}
    assert client.get(f"/console/audit/{event.number}/").status_code == 200
