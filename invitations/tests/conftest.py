"""Fixtures: joining is open, with or without approval."""

import pytest

from invitations.links.settings import rules_of


@pytest.fixture
def open_tenant(tenant):
    """Open joining, with approval by an administrator."""
    tenant.enterprise.is_joining_open = True
    tenant.enterprise.save()
    return tenant


@pytest.fixture
def free_tenant(open_tenant):
    """Open joining without approval."""
    rules = rules_of(open_tenant.enterprise)
    rules.approval_required = False
    rules.save()
    return open_tenant
