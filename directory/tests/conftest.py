import pytest

from accounts.tests.wechat.answers import wechat_of


@pytest.fixture
def wechat(settings):
    """Configure WeChat sign-in, with a fake of WeChat's API."""
    with wechat_of(settings) as double:
        yield double
