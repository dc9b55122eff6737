"""Who may approve a QR code, and where the desktop then is."""

import time

import pytest

from accounts.tests.qr_sign_in.people import (
    OFFICE_TOO,
    approve,
    approved,
    at,
    claim,
    desk_at,
    is_in,
    path,
    scan,
    show_code,
    state_of,
)
from conftest import build_member
from sms.models import PhoneAttemptCounter

pytestmark = pytest.mark.django_db


def test_a_session_that_came_by_scanning_approves_nothing(desk, phone):
    claim(desk, approved(desk, phone))
    code = show_code(desk_at())
    assert b"This browser can't allow the sign-in" in desk.get(path(code)).content
    assert scan(desk, code) == 303
    assert state_of(code) == "new"


def test_a_session_that_entered_no_enterprise_chooses_first(desk, client_of, lin):
    phone = at(client_of(lin.user, method="code"), OFFICE_TOO)
    code = show_code(desk)
    page = phone.get(path(code)).content.decode()
    assert f"/choose/?next={path(code).replace('/', '%2F')}" in page
    assert scan(phone, code) == 303
    assert state_of(code) == "new"


def test_choosing_an_enterprise_returns_to_the_code(desk, client_of, lin, tenant):
    phone = at(client_of(lin.user, method="code"), OFFICE_TOO)
    code = show_code(desk)
    assert path(code) in phone.get("/choose/", {"next": path(code)}).content.decode()
    answer = phone.post(f"/choose/{tenant.enterprise.pk}/", {"next": path(code)})
    assert (answer.status_code, answer.url) == (303, path(code))


@pytest.mark.parametrize(("days", "may"), [(30, False), (30 - 1 / 86400, True)])
def test_a_sign_in_of_thirty_days_ago_approves_nothing(desk, phone, settings, days, may):
    settings.ACCOUNTS_SESSION_SECONDS = 365 * 86400
    session = phone.session
    session["signed_in_at"] = time.time() - days * 86400 + (0.5 if may else 0)
    session.save()
    code = show_code(desk)
    scan(phone, code)
    assert state_of(code) == ("scanned" if may else "new")
    assert may or b"Sign in again" in phone.get(path(code)).content


def test_a_disabled_member_approves_nothing(desk, phone, lin):
    code = show_code(desk)
    scan(phone, code)
    lin.status = "disabled"
    lin.save()
    approve(phone, code)
    assert state_of(code) == "scanned"


def test_the_desktop_enters_the_enterprise_of_the_approving_session(desk, client_of, lin, tenant, other_tenant):
    build_member(other_tenant, "林晓", "linxiao", str(lin.phone), status="active", user=lin.user)
    phone = at(client_of(lin.user, method="code", enterprise=other_tenant.enterprise), OFFICE_TOO)
    claim(desk, approved(desk, phone))
    assert desk.session["enterprise"] == other_tenant.enterprise.pk


def test_a_member_whose_phone_codes_are_blocked_can_still_scan(desk, phone, lin):
    """Threat O13: guessing codes for a number blocks codes for its owner, but not the other ways to sign in."""
    PhoneAttemptCounter.objects.create(phone=str(lin.phone), failures=100)
    assert claim(desk, approved(desk, phone)) == 303
    assert is_in(desk)
