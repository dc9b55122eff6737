import pytest
from django.test import Client


@pytest.fixture(autouse=True)
def _floor_above(settings):
    """A floor above accounts that knows one number and enters nothing by itself."""
    settings.ACCOUNTS_PHONE_DIRECTORY = "accounts.tests.floor_above.enterprises_of"
    settings.ACCOUNTS_ON_SIGN_IN = "accounts.tests.floor_above.enter_nothing"


@pytest.fixture
def english():
    """A browser of nobody yet, in English."""
    return Client(headers={"accept-language": "en"})
