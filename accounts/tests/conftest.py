import pytest
from django.test import Client

from accounts.tests.weixin import weixin_of


@pytest.fixture(autouse=True)
def _floor_above(settings):
    """A floor above accounts that knows one number and enters nothing by itself."""
    settings.ACCOUNTS_PHONE_DIRECTORY = "accounts.tests.floor_above.enterprises_of"
    settings.ACCOUNTS_ON_SIGN_IN = "accounts.tests.floor_above.enter_nothing"
    settings.ACCOUNTS_IS_TRUSTED = "accounts.tests.floor_above.trust_all"


@pytest.fixture
def english():
    """A browser of nobody yet, in English."""
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def weixin(settings):
    """WeChat's double, where the operator has it."""
    with weixin_of(settings) as double:
        yield double
