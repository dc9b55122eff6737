"""Joining open, or open without approval."""

import pytest

from invitations.links.settings import rules_of


@pytest.fixture
def open_house(house):
    """The switch is on; an administrator approves."""
    house.enterprise.is_joining_open = True
    house.enterprise.save()
    return house


@pytest.fixture
def free_house(open_house):
    """The switch is on, and nobody needs approval."""
    rules = rules_of(open_house.enterprise)
    rules.approval_required = False
    rules.save()
    return open_house
