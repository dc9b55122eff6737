import pytest

from accounts.tests.wechat.answers import wechat_of


@pytest.fixture
def wechat(settings):
    """WeChat's double, where the operator has it."""
    with wechat_of(settings) as double:
        yield double
