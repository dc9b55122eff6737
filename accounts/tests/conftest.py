import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.membership_double import DOUBLE
from accounts.tests.qr_sign_in.people import OFFICE_TOO, at, desk_at
from accounts.tests.wechat.answers import wechat_of
from conftest import build_member


@pytest.fixture(autouse=True)
def _membership(settings):
    settings.ACCOUNTS_MEMBERSHIP = DOUBLE


@pytest.fixture
def english():
    """A browser of nobody yet, in English."""
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def wechat(settings):
    """Configure WeChat sign-in, with a fake of WeChat's API."""
    with wechat_of(settings) as double:
        yield double


@pytest.fixture
def desk():
    return desk_at()


@pytest.fixture
def phone(client_of, lin, tenant):
    """Lin's phone, signed in by code, in the office's network."""
    return at(client_of(lin.user, method="code", enterprise=tenant.enterprise), OFFICE_TOO)


@pytest.fixture
def wu_phone(client_of, tenant):
    """Another member's phone in the same network."""
    user = User.objects.create_user(phone="+8613800138007", name="吴桐")
    build_member(tenant, "吴桐", "wutong", "+8613800138007", status="active", user=user)
    return at(client_of(user, method="code", enterprise=tenant.enterprise), OFFICE_TOO)
