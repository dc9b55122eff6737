"""The tests of the list count events from one: their log begins empty."""

import pytest

from accounts.audit.triggers import drop_triggers, install_triggers
from accounts.models import AuditChain, AuditEvent


@pytest.fixture
def tenant(tenant):
    drop_triggers("default")
    AuditEvent.objects.all().delete()
    AuditChain.objects.update(length=0, head="")
    install_triggers("default")
    return tenant
