"""Which browsers are known: for whom, how long, and that the cookie lives as long."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser, User
from accounts.sign_in.known_browsers import (
    delete_expired_browsers,
    forget_browser,
    is_browser_of_phone,
    is_known_browser,
    remember_browser,
)
from accounts.tests.membership_double import ENTERING_DOUBLE
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "a" * 22


@pytest.mark.parametrize(("seconds", "is_known"), [(-1, True), (0, False), (1, False)])
def test_a_browser_is_known_for_180_days_and_not_a_second_longer(alice, enterprise, seconds, is_known):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        remember_browser(alice, enterprise, browser=SECRET)
        clock.shift(timedelta(days=180, seconds=seconds))
        assert is_known_browser(alice, enterprise, browser=SECRET) == is_known
        assert delete_expired_browsers() == (not is_known)


def test_it_is_known_for_this_person_in_this_enterprise_only(alice, charlie, enterprise, other_tenant):
    remember_browser(alice, enterprise, browser=SECRET)
    assert is_known_browser(alice, enterprise, browser=SECRET)
    assert not is_known_browser(alice, enterprise, browser="b" * 22)
    assert not is_known_browser(charlie, enterprise, browser=SECRET)
    assert not is_known_browser(alice, other_tenant.enterprise, browser=SECRET)


def test_forgotten_it_is_forgotten_in_every_enterprise_and_no_other_is(alice, charlie, enterprise, other_tenant):
    mark = remember_browser(alice, enterprise, browser=SECRET)
    assert remember_browser(alice, other_tenant.enterprise, browser=SECRET) == mark
    remember_browser(alice, enterprise, browser="b" * 22)
    remember_browser(charlie, enterprise, browser=SECRET)
    forget_browser(alice, mark)
    assert not is_known_browser(alice, enterprise, browser=SECRET)
    assert not is_known_browser(alice, other_tenant.enterprise, browser=SECRET)
    assert is_known_browser(alice, enterprise, browser="b" * 22)
    assert is_known_browser(charlie, enterprise, browser=SECRET)


def test_seen_again_it_is_one_row_still(alice, enterprise):
    for _ in range(3):
        remember_browser(alice, enterprise, browser=SECRET)
    assert KnownBrowser.objects.count() == 1


def test_the_cookie_is_renewed_whenever_someone_enters_and_only_then(settings, alice, enterprise):
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE
    browser = Client()
    for _ in range(2):
        answer = browser.post("/login/password/", {"login": "alice", "password": PASSWORD})
        assert answer.cookies["browser"]["max-age"] == 180 * 86400
    assert "browser" not in browser.get("/mailbox/devices/").cookies


def test_the_browser_of_a_number_is_its_users_for_180_days(lin, wang, enterprise):
    """Asked for a code to the number, it is the proven door (docs/limits.md)."""
    now = timezone.now()
    number = str(lin.phone)
    with time_machine.travel(now, tick=False) as clock:
        remember_browser(lin.user, enterprise, browser=SECRET)
        assert is_browser_of_phone(number, browser=SECRET)
        assert not is_browser_of_phone(number, browser="b" * 22)
        assert not is_browser_of_phone(str(wang.phone), browser=SECRET)
        User.objects.filter(pk=lin.user.pk).update(is_active=False)
        assert not is_browser_of_phone(number, browser=SECRET)
        User.objects.filter(pk=lin.user.pk).update(is_active=True)
        clock.shift(timedelta(days=180, seconds=-1))
        assert is_browser_of_phone(number, browser=SECRET)
        clock.shift(1)
        assert not is_browser_of_phone(number, browser=SECRET)


def test_a_new_number_has_the_browsers_of_its_user_and_the_old_one_none(lin, enterprise):
    remember_browser(lin.user, enterprise, browser=SECRET)
    User.objects.filter(pk=lin.user.pk).update(phone="+8613800138009")
    assert is_browser_of_phone("+8613800138009", browser=SECRET)
    assert not is_browser_of_phone(str(lin.phone), browser=SECRET)


def test_every_number_costs_the_same_statement(lin, wang, enterprise, django_assert_num_queries):
    remember_browser(lin.user, enterprise, browser=SECRET)
    for number in (str(lin.phone), str(wang.phone), "+8613900139000"):
        with django_assert_num_queries(1):
            is_browser_of_phone(number, browser=SECRET)
