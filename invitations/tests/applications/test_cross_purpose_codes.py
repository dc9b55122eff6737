"""A code for one purpose doesn't serve another: scans, join links, passkeys, stored proofs."""

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import Role
from accounts.sign_in.sessions import end_sessions
from accounts.tests.device import Device
from accounts.tests.qr_sign_in.people import OFFICE, OFFICE_TOO, at, desk_at, path, show_code
from accounts.tests.second_factor.test_passkeys import alone, keep
from conftest import build_member
from directory.joining.actions import join_member
from directory.models import Member
from directory.tests.entry.test_code_rule import joined, phone_codes_age, set_rule
from directory.tests.entry.test_entry import sign_in_by_code
from invitations.tests.people import PHONE, join_path, prove

pytestmark = pytest.mark.django_db
SELF = Actor(user=None, name="林晓", via="member")


@pytest.fixture
def phone():
    return at(Client(headers={"accept-language": "en"}), OFFICE_TOO)


@pytest.fixture
def elsewhere(lin, other_tenant):
    """Lin is also a member of another enterprise, without rules."""
    now = timezone.now()
    fields = {"status": "active", "user": lin.user, "joined_at": now, "last_entered_at": now}
    return build_member(other_tenant, "林晓", "lin", str(lin.phone), **fields)


@pytest.fixture
def away(lin):
    """Lin last entered 200 days ago, so that the number may have a new owner."""
    now = timezone.now()
    dates = {"joined_at": now - timedelta(days=400), "last_entered_at": now - timedelta(days=200)}
    Member.objects.filter(pk=lin.pk).update(**dates)
    return lin


def just_proven(browser):
    session = browser.session
    session["proved_at"] = int(time.time())
    session.save()
    return browser


def test_a_session_held_back_somewhere_approves_no_desktop(phone, lin, tenant, elsewhere):
    set_rule(tenant.enterprise)
    joined(lin, timezone.now())
    sign_in_by_code(phone, str(lin.phone))
    assert phone.post(f"/choose/{elsewhere.enterprise_id}/").status_code == 303
    code = show_code(desk_at(OFFICE))
    phone.post(path(code, "scan/"))
    assert "You can't allow sign-ins from this session" in phone.get(path(code)).text
    code.refresh_from_db()
    assert code.state == "new"


@pytest.mark.parametrize("method", ["qr", "wechat", "passkey", "password"])
def test_joining_requires_a_phone_verified_in_this_session(client_of, lin, tenant, other_tenant, method):
    waiting = build_member(other_tenant, "新人", "xinren", str(lin.phone))
    browser = client_of(lin.user, method=method, enterprise=tenant.enterprise)
    assert browser.post(f"/choose/{waiting.pk}/join/").status_code == 404
    waiting.refresh_from_db()
    assert waiting.status == "pending"


def test_a_passkey_of_the_numbers_former_holder_is_forgotten(client_of, lin, tenant, other_tenant):
    device = Device()
    assert (
        keep(just_proven(client_of(lin.user, method="code", enterprise=tenant.enterprise)), device).status_code == 303
    )
    Member.objects.filter(pk=lin.pk).update(status="disabled")
    end_sessions(lin.user)
    join_member(build_member(other_tenant, "新人", "xinren", str(lin.phone)), phone=str(lin.phone), by=SELF)
    former = Client(headers={"accept-language": "en"})
    assert alone(former, device).status_code == 422
    assert former.get("/mailbox/").status_code == 302


def test_a_passkey_of_the_numbers_new_holder_opens_nothing_cold(client_of, away, tenant, other_tenant):
    user = join_member(build_member(other_tenant, "新人", "xinren", str(away.phone)), phone=str(away.phone), by=SELF)
    device = Device()
    assert (
        keep(just_proven(client_of(user, method="code", enterprise=other_tenant.enterprise)), device).status_code == 303
    )
    other = Client(headers={"accept-language": "en"})
    assert alone(other, device).status_code == 303
    other.post(f"/choose/{tenant.enterprise.pk}/")
    assert other.session.get("enterprise") != tenant.enterprise.pk


def test_a_join_link_does_not_admit_after_a_long_absence(phone, away, open_tenant):
    prove(phone, join_path(open_tenant.enterprise), str(away.phone))
    assert phone.post("/j/member/")["Location"] != "/mailbox/"
    assert phone.get("/mailbox/").status_code == 302


def test_a_role_that_nobody_used_for_half_a_year_opens_to_no_code(phone, tenant, lin):
    user = lin.user
    role = Role.objects.create(user=user, enterprise=tenant.enterprise, name="admin")
    Member.objects.filter(pk=lin.pk).update(deleted_at=timezone.now(), user=None, status="pending", phone=None)
    for days, is_in in ((179, True), (180, False)):
        Role.objects.filter(pk=role.pk).update(last_entered_at=timezone.now() - timedelta(days=days))
        phone_codes_age(61)
        sign_in_by_code(phone, str(user.phone))
        assert (phone.session.get("enterprise") == tenant.enterprise.pk) is is_in
        phone.post("/logout/")


def test_a_proof_for_joining_hides_no_session_from_its_end(phone, client_of, lin, open_tenant):
    sign_in_by_code(phone, str(lin.phone))
    prove(phone, join_path(open_tenant.enterprise), PHONE)
    assert phone.get("/mailbox/").status_code == 200
    own = client_of(lin.user, method="code", enterprise=open_tenant.enterprise)
    assert own.post("/mailbox/devices/end/").status_code == 303
    assert phone.get("/mailbox/").status_code == 302


def test_a_verification_for_joining_belongs_to_its_user(phone, lin, open_tenant):
    prove(phone, join_path(open_tenant.enterprise), PHONE)
    assert "join_proof" in phone.session
    sign_in_by_code(phone, str(lin.phone))
    assert "join_proof" not in phone.session


def test_an_idle_console_opens_by_no_other_page(client_of, alice):
    browser = client_of(alice)
    session = browser.session
    session["signed_in_at"] = session["factor_at"] = session["proved_at"] = time.time() - 5 * 3600
    session["seen_at"] = time.time() - 3601
    session.save()
    assert browser.get("/")["Location"] == "/console/"
    assert browser.get("/console/").status_code == 302
