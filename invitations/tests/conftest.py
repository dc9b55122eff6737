"""Joining open, or open without approval."""

import pytest

from invitations.links.settings import rules_of


@pytest.fixture
def open_tenant(tenant):
    """The switch is on; an administrator approves."""
    tenant.enterprise.is_joining_open = True
    tenant.enterprise.save()
    return tenant


@pytest.fixture
def free_tenant(open_tenant):
    """The switch is on, and nobody needs approval."""
    rules = rules_of(open_tenant.enterprise)
    rules.approval_required = False
    rules.save()
    return open_tenant
