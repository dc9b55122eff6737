import pytest

from accounts.tests.wechat.answers import weixin_of


@pytest.fixture
def weixin(settings):
    """WeChat's double, where the operator has it."""
    with weixin_of(settings) as double:
        yield double
