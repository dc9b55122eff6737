"""The log of changes: complete, chained, append-only, and free of what it must not keep."""

import pytest

from accounts.audit import command_actor, recording
from accounts.models import AuditChain, AuditEvent

pytestmark = pytest.mark.django_db


def test_a_change_is_recorded_with_its_author(enterprise, alice):
    with recording(enterprise, by=command_actor(alice)) as record:
        record("enterprise_edited", enterprise, before={"name": "a"}, after={"name": "b"})
    event = AuditEvent.objects.get()
    assert (event.number, event.action, event.target_id) == (1, "enterprise_edited", str(enterprise.pk))
    assert event.personal["before"] == {"name": "a"}
    chain = AuditChain.objects.get(enterprise=enterprise)
    assert (chain.length, chain.head) == (1, event.digest)
