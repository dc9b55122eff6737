import pytest


@pytest.fixture(autouse=True)
def _membership(settings):
    """The directory's, for an approval stands and falls with the member behind it."""
    settings.ACCOUNTS_MEMBERSHIP = "directory.entry.membership.DirectoryMembership"
