"""Which browsers are known: for whom, how long, and that the cookie lives as long."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser
from accounts.sign_in.known_browsers import forget_browser, is_known_browser, note_browser, purge_browsers
from accounts.tests.membership_double import ENTERING_DOUBLE
from conftest import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "a" * 22


@pytest.mark.parametrize(("seconds", "is_known"), [(-1, True), (0, False), (1, False)])
def test_a_browser_is_known_for_180_days_and_not_a_second_longer(alice, enterprise, seconds, is_known):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        note_browser(alice, enterprise, browser=SECRET)
        clock.shift(timedelta(days=180, seconds=seconds))
        assert is_known_browser(alice, enterprise, browser=SECRET) == is_known
        assert purge_browsers() == (not is_known)


def test_it_is_known_for_this_person_in_this_enterprise_only(alice, charlie, enterprise, other_tenant):
    note_browser(alice, enterprise, browser=SECRET)
    assert is_known_browser(alice, enterprise, browser=SECRET)
    assert not is_known_browser(alice, enterprise, browser="b" * 22)
    assert not is_known_browser(charlie, enterprise, browser=SECRET)
    assert not is_known_browser(alice, other_tenant.enterprise, browser=SECRET)


def test_forgotten_it_is_forgotten_in_every_enterprise_and_no_other_is(alice, charlie, enterprise, other_tenant):
    mark = note_browser(alice, enterprise, browser=SECRET)
    assert note_browser(alice, other_tenant.enterprise, browser=SECRET) == mark
    note_browser(alice, enterprise, browser="b" * 22)
    note_browser(charlie, enterprise, browser=SECRET)
    forget_browser(alice, mark)
    assert not is_known_browser(alice, enterprise, browser=SECRET)
    assert not is_known_browser(alice, other_tenant.enterprise, browser=SECRET)
    assert is_known_browser(alice, enterprise, browser="b" * 22)
    assert is_known_browser(charlie, enterprise, browser=SECRET)


def test_seen_again_it_is_one_row_still(alice, enterprise):
    for _ in range(3):
        note_browser(alice, enterprise, browser=SECRET)
    assert KnownBrowser.objects.count() == 1


def test_the_cookie_is_renewed_whenever_someone_enters_and_only_then(settings, alice, enterprise):
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE
    browser = Client()
    for _ in range(2):
        answer = browser.post("/login/password/", {"login": "alice", "password": PASSWORD})
        assert answer.cookies["browser"]["max-age"] == 180 * 86400
    assert "browser" not in browser.get("/mailbox/devices/").cookies
