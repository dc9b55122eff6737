"""The enterprise's rule on phone codes: who may sign in with one, who must scan, and recovery links."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.audit.recording import Actor
from accounts.models import AuditEvent, Enterprise, KnownBrowser, Role, User
from accounts.sign_in.known_browsers import is_known_browser
from accounts.tasks import delete_expired_sign_ins
from accounts.tests.sign_in.test_login import LISTED, UNLISTED, answers_to
from conftest import PASSWORD, audit_events, build_member, build_tenant
from directory.entry.code_rule import must_scan
from directory.joining.actions import join_member
from directory.joining.invitations import invite_member
from directory.models import Invitation, Member
from directory.tests.entry.test_entry import sign_in_by_code
from directory.tests.phone import code_to, link_to, newest
from sms.models import PhoneCode

ABROAD = "+14155552671"
SELF = Actor(user=None, name="林晓", via="member")


@pytest.fixture
def phone(client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def rule(tenant):
    """Activate the rule as of an hour ago."""
    return set_rule(tenant.enterprise)


def set_rule(enterprise, *, since=None):
    since = since or timezone.now() - timedelta(hours=1)
    Enterprise.objects.filter(pk=enterprise.pk).update(code_rule="abroad", code_rule_since=since)
    return since


def joined(member, at):
    """Let the member join at that time and enter the enterprise."""
    Member.objects.filter(pk=member.pk).update(joined_at=at, last_entered_at=at)
    member.refresh_from_db()


def enter_before(phone, member):
    """Make the client a known browser of the member, without a session."""
    set_rule(member.enterprise, since=timezone.now() + timedelta(days=1))
    assert sign_in_by_code(phone, str(member.phone)) == "/mailbox/"
    phone.post("/logout/")
    set_rule(member.enterprise)
    phone_codes_age(61)


def phone_codes_age(seconds):
    """Move on a minute, because a second code within a minute is refused."""
    for code in PhoneCode.objects.all():
        PhoneCode.objects.filter(pk=code.pk).update(created_at=code.created_at - timedelta(seconds=seconds))


# rule, number, the member, the browser, how the session came about → where the way leads
TABLE = """
everyone  mainland  pending        new    code        joins
everyone  mainland  joined_before  new    code        enters
everyone  mainland  joined_after   new    code        enters
everyone  mainland  joined_after   known  code        enters
everyone  abroad    joined_after   new    code        enters
everyone  mainland  joined_after   new    qr          enters
everyone  mainland  joined_after   new    wechat      enters
everyone  mainland  joined_after   new    invitation  enters
everyone  mainland  joined_after   new    password    enters
abroad    mainland  pending        new    code        joins
abroad    abroad    pending        new    code        joins
abroad    mainland  joined_before  new    code        enters
abroad    mainland  joined_before  known  code        enters
abroad    mainland  joined_after   new    code        scans
abroad    mainland  joined_after   known  code        enters
abroad    abroad    joined_before  new    code        enters
abroad    abroad    joined_after   new    code        enters
abroad    mainland  joined_after   new    qr          enters
abroad    mainland  joined_after   new    wechat      enters
abroad    mainland  joined_after   new    invitation  enters
abroad    mainland  joined_after   new    password    enters
abroad    mainland  joined_after   new    -           scans
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines(), ids=lambda row: "-".join(row.split()))
def test_the_table_of_the_rule(client_of, phone, tenant, lin, row):
    rule, number, stands, browser, method, outcome = row.split()
    since = set_rule(tenant.enterprise)
    if number == "abroad":
        Member.objects.filter(pk=lin.pk).update(phone=ABROAD)
        User.objects.filter(pk=lin.user.pk).update(phone=ABROAD)
    joined(lin, since - timedelta(days=1) if stands == "joined_before" else since + timedelta(seconds=1))
    if stands == "pending":
        Member.objects.filter(pk=lin.pk).update(status="pending", user=None, joined_at=None)
    if rule == "everyone":
        Enterprise.objects.update(code_rule="everyone", code_rule_since=None)
    user = User.objects.get(pk=lin.user_id or lin.user.pk)
    session = client_of(user, method="" if method == "-" else method)
    if browser == "known":
        set_rule(tenant.enterprise, since=timezone.now() + timedelta(days=1))
        assert session.post(f"/choose/{tenant.enterprise.pk}/").status_code == 303
        assert session.get("/")["Location"] == "/mailbox/"
        cookie = session.cookies["browser"].value
        session = client_of(user, method=method)
        session.cookies["browser"] = cookie
        if rule == "abroad":
            set_rule(tenant.enterprise, since=since)
    page = session.get("/choose/").text
    assert (f'action="/choose/{lin.pk}/join/"' in page) == (outcome == "joins")
    assert ("/recover/" in page) == (outcome == "scans")
    answer = session.post(f"/choose/{lin.pk}/join/" if outcome == "joins" else f"/choose/{tenant.enterprise.pk}/")
    assert answer.status_code == 303
    assert (session.get("/mailbox/").status_code == 200) == (outcome != "scans")


@pytest.mark.parametrize(("seconds", "leads_to"), [(-1, "/mailbox/"), (0, "/choose/"), (1, "/choose/")])
def test_members_who_joined_before_the_rule_may_use_a_code(phone, lin, rule, seconds, leads_to):
    joined(lin, rule + timedelta(seconds=seconds))
    assert sign_in_by_code(phone, str(lin.phone)) == leads_to


@pytest.mark.parametrize(
    ("number", "is_asked"), [("+8613800138001", True), ("+85251234567", False), ("+886912345678", False)]
)
def test_only_numbers_of_mainland_china_are_asked_to_scan(lin, rule, number, is_asked):
    Member.objects.filter(pk=lin.pk).update(phone=number, joined_at=timezone.now())
    assert must_scan(Member.objects.get(pk=lin.pk)) == is_asked


def test_a_restricted_session_enters_by_no_page(phone, lin, rule):
    joined(lin, timezone.now())
    phone.get("/login/?next=/mailbox/colleagues/")
    phone.post("/login/", {"phone": str(lin.phone), "next": "/mailbox/colleagues/"})
    answer = phone.post("/login/code/", {"code": code_to(lin.phone), "next": "/mailbox/colleagues/"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/choose/"
    assert "enterprise" not in phone.session

    id = lin.enterprise_id
    for path in ("/", "/mailbox/", "/mailbox/colleagues/", "/mailbox/colleagues/qr.svg"):
        assert phone.get(path)["Location"] == "/choose/", path
    assert phone.post(f"/choose/{id}/")["Location"] == "/choose/"
    assert phone.post(f"/choose/{lin.pk}/join/").status_code == 404
    for path in ("/console/", "/console/members/", f"/console/members/{lin.pk}/"):
        assert phone.get(path).status_code == 403, path
    assert "enterprise" not in phone.session
    assert f'action="/choose/{id}/"' not in phone.get("/choose/").text
    assert "linxiao@example.com" not in phone.get("/choose/").text
    lin.refresh_from_db()
    assert lin.last_entered_at == lin.joined_at
    assert not KnownBrowser.objects.exists()
    assert not AuditEvent.objects.filter(action="signed_in").exists()


HELD_BACK = [
    ("get", "/mailbox/devices/"),
    ("post", "/mailbox/devices/end/"),
    ("post", "/mailbox/devices/1/end/"),
    ("get", "/mailbox/factors/new/"),
    ("post", "/mailbox/factors/new/"),
    ("post", "/mailbox/factors/passkeys/new/"),
    ("post", "/mailbox/factors/passkeys/new/options/"),
    ("post", "/mailbox/factors/1/remove/"),
    ("post", "/mailbox/factors/recovery/new/"),
    ("get", "/mailbox/password/"),
]


@pytest.mark.parametrize(("method", "path"), HELD_BACK)
@pytest.mark.parametrize("why", ["must scan", "away for long"])
def test_a_restricted_session_sets_up_no_credential_that_passes_the_rule(phone, lin, rule, why, method, path):
    """Otherwise a session by code could set a passkey or password, which pass the rule at the next sign-in."""
    joined(lin, timezone.now())
    if why == "away for long":
        Enterprise.objects.update(code_rule="everyone", code_rule_since=None)
        Member.objects.filter(pk=lin.pk).update(last_entered_at=timezone.now() - timedelta(days=180))
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    session = phone.session
    session["proved_at"] = session["signed_in_at"]
    session.save()
    assert getattr(phone, method)(path)["Location"] == "/choose/"
    assert phone.get("/").status_code == 302


def test_nor_does_a_restricted_session_in_another_enterprise_which_sees_its_devices(phone, lin, other_tenant, rule):
    joined(lin, timezone.now())
    there = build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    sign_in_by_code(phone, str(lin.phone))
    phone.post(f"/choose/{there.enterprise_id}/")
    assert phone.post("/mailbox/factors/passkeys/new/")["Location"] == "/choose/"
    assert phone.get("/mailbox/devices/").status_code == 200


def test_signing_in_again_by_code_lifts_no_restriction(phone, client_of, lin, rule):
    """A session that was ended by another browser has no enterprise left."""
    joined(lin, timezone.now())
    other = client_of(lin.user, method="qr", enterprise=lin.enterprise)
    inside = client_of(lin.user, method="qr")
    inside.post(f"/choose/{lin.enterprise_id}/")
    assert inside.get("/mailbox/").status_code == 200
    other.post("/mailbox/devices/end/")
    assert not KnownBrowser.objects.exists()
    inside.session.flush()
    assert sign_in_by_code(inside, str(lin.phone)) == "/choose/"


def test_the_page_is_kind_and_shows_two_ways_on(phone, lin, rule):
    joined(lin, timezone.now())
    sign_in_by_code(phone, str(lin.phone))
    page = phone.get("/choose/").text
    assert re.search(r"<h1>\s*Scan to sign in\s*</h1>", page)
    assert "138****8001" in page
    assert 'href="/login/"' in page
    assert f'action="/choose/{lin.enterprise_id}/recover/"' in page


def test_a_phone_is_not_asked_to_scan_its_own_screen(phone, lin, rule):
    joined(lin, timezone.now())
    sign_in_by_code(phone, str(lin.phone))
    page = phone.get("/choose/", headers={"user-agent": "Mozilla/5.0 (iPhone) Version/18.5 Mobile Safari/604.1"}).text
    assert 'href="/login/"' not in page
    assert f'action="/choose/{lin.enterprise_id}/recover/"' in page


def test_one_enterprise_under_the_rule_does_not_keep_from_another(phone, lin, other_tenant, rule):
    joined(lin, timezone.now())
    there = build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    page = phone.get("/choose/").text
    assert f'action="/choose/{lin.enterprise_id}/recover/"' in page
    phone.post(f"/choose/{there.enterprise_id}/")
    assert "lin@other.example" in phone.get("/mailbox/").text
    phone.post(f"/choose/{lin.enterprise_id}/")
    assert "lin@other.example" in phone.get("/mailbox/").text
    # That this browser is known there makes it no more known here.
    phone.post("/logout/")
    phone_codes_age(61)
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    assert f'action="/choose/{lin.enterprise_id}/"' not in phone.get("/choose/").text


def test_joining_with_a_code_trusts_that_browser_only(phone, wang, rule):
    assert sign_in_by_code(phone, str(wang.phone)) == "/choose/"
    phone.post(f"/choose/{wang.pk}/join/")
    assert phone.get("/mailbox/").status_code == 200
    phone.post("/logout/")
    phone_codes_age(61)
    assert sign_in_by_code(phone, str(wang.phone)) == "/mailbox/"
    phone_codes_age(61)
    elsewhere = Client(headers={"accept-language": "en"})
    assert sign_in_by_code(elsewhere, str(wang.phone)) == "/choose/"


def test_a_browser_is_known_for_one_person_only(phone, lin, wang, rule):
    joined(lin, timezone.now())
    enter_before(phone, lin)
    join_member(wang, phone=str(wang.phone), by=SELF)
    assert sign_in_by_code(phone, str(wang.phone)) == "/choose/"


@pytest.mark.parametrize(("seconds", "leads_to"), [(1, "/mailbox/"), (0, "/choose/"), (-1, "/choose/")])
def test_a_browser_is_known_for_180_days(phone, lin, rule, seconds, leads_to):
    joined(lin, timezone.now())
    enter_before(phone, lin)
    now = timezone.now()
    KnownBrowser.objects.update(seen_at=now - timedelta(days=180) + timedelta(seconds=seconds))
    with time_machine.travel(now, tick=False):
        delete_expired_sign_ins()
        assert KnownBrowser.objects.exists() == (seconds > 0)
        assert sign_in_by_code(phone, str(lin.phone)) == leads_to


def test_each_visit_restarts_the_180_days(phone, lin, rule):
    joined(lin, timezone.now())
    enter_before(phone, lin)
    KnownBrowser.objects.update(seen_at=timezone.now() - timedelta(days=100))
    assert sign_in_by_code(phone, str(lin.phone)) == "/mailbox/"
    assert timezone.now() - KnownBrowser.objects.get().seen_at < timedelta(minutes=1)


def test_signing_out_everywhere_forgets_the_browsers(phone, lin, rule):
    joined(lin, timezone.now())
    enter_before(phone, lin)
    assert sign_in_by_code(phone, str(lin.phone)) == "/mailbox/"
    phone.post("/mailbox/devices/end/")
    phone_codes_age(61)
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"


def test_a_device_signed_out_from_elsewhere_is_forgotten_and_this_one_is_not(client_of, phone, lin, rule):
    joined(lin, timezone.now())
    enter_before(phone, lin)
    assert sign_in_by_code(phone, str(lin.phone)) == "/mailbox/"
    session = phone.session.session_key
    other = client_of(lin.user, method="qr")
    other.post(f"/choose/{lin.enterprise_id}/")
    row = lin.user.usersession_set.get(session_key=session)
    assert other.post(f"/mailbox/devices/{row.pk}/end/").status_code == 303
    assert KnownBrowser.objects.count() == 1
    phone_codes_age(61)
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"


def test_a_device_that_was_in_two_enterprises_is_forgotten_in_both(client_of, phone, lin, other_tenant):
    build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    sign_in_by_code(phone, str(lin.phone))
    for enterprise in (lin.enterprise_id, other_tenant.enterprise.pk):
        phone.post(f"/choose/{enterprise}/")
    row = lin.user.usersession_set.get(session_key=phone.session.session_key)
    other = client_of(lin.user, method="qr")
    other.post(f"/choose/{lin.enterprise_id}/")
    assert KnownBrowser.objects.count() == 3
    assert other.post(f"/mailbox/devices/{row.pk}/end/").status_code == 303
    assert KnownBrowser.objects.get().enterprise == lin.enterprise
    assert is_known_browser(lin.user, lin.enterprise, browser=other.cookies["browser"].value)


def test_another_number_forgets_the_browsers_there_and_only_there(phone, client_of, lin, other_tenant, alice):
    there = build_member(other_tenant, "林晓", "lin", str(lin.phone), status="active", user=lin.user)
    for member in (lin, there):
        phone.post("/logout/")
        phone_codes_age(61)
        sign_in_by_code(phone, str(lin.phone))
        phone.post(f"/choose/{member.enterprise_id}/")
    assert KnownBrowser.objects.count() == 2
    data = {"name": "林晓", "prefix": "linxiao", "domain": "example.com", "phone": "13800138077", "activation": "phone"}
    assert client_of(alice).post(f"/console/members/{lin.pk}/edit/", data).status_code == 303
    assert KnownBrowser.objects.get().enterprise == there.enterprise


def test_the_secret_of_a_browser_is_not_in_the_table(phone, lin, rule):
    joined(lin, timezone.now())
    enter_before(phone, lin)
    assert phone.cookies["browser"].value not in str(KnownBrowser.objects.values())


def test_an_administrator_by_password_is_not_concerned(phone, tenant, lin, rule):
    joined(lin, timezone.now())
    Role.objects.create(user=lin.user, enterprise=tenant.enterprise, name="admin")
    lin.user.login = "lin"
    lin.user.set_password(PASSWORD)
    lin.user.save()
    phone.post("/login/password/", {"login": "lin", "password": PASSWORD})
    assert phone.get("/")["Location"] == "/console/"
    assert phone.get("/mailbox/").status_code == 200


def test_a_role_does_not_exempt_a_member_from_the_rule(phone, tenant, lin, rule):
    joined(lin, timezone.now())
    Role.objects.create(user=lin.user, enterprise=tenant.enterprise, name="admin")
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    phone.post(f"/choose/{tenant.enterprise.pk}/")
    assert "enterprise" not in phone.session


@time_machine.travel("2026-11-22T09:00:00Z", tick=False)
def test_before_verification_the_rule_reveals_nothing_about_a_number(lin, tenant):
    """Threat O6: an unlisted number and one that must scan get the same responses, cookies, redirects and queries."""
    set_rule(tenant.enterprise)
    joined(lin, timezone.now())
    for listed, unlisted in zip(answers_to(LISTED), answers_to(UNLISTED), strict=True):
        assert listed == unlisted


# --- the way back


@pytest.fixture
def stuck(phone, lin, rule):
    """Return a new browser in which Lin must scan, at the choice of enterprises."""
    joined(lin, timezone.now())
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    return phone


def test_a_member_who_cannot_scan_returns_by_a_recovery_link(stuck, lin):
    recover = f"/choose/{lin.enterprise_id}/recover/"
    answer = stuck.post(recover)
    assert (answer.status_code, answer["Location"]) == (303, "/choose/")
    page = stuck.get("/choose/").text
    assert "sending a link to 138****8001" in page
    assert "A link was sent to 138****8001" in page
    message = newest(lin.phone, "invitation")
    assert (message.to, message.template) == (str(lin.phone), "recovery")
    assert stuck.get("/mailbox/")["Location"] == "/choose/"

    new_phone = Client(headers={"accept-language": "en"})
    page = new_phone.get(link_to(lin.phone), follow=True).text
    assert "Welcome back" in page
    assert "scanning a QR code" in page
    assert new_phone.get("/mailbox/").status_code == 302
    new_phone.post("/i/send/")
    joined_again = new_phone.post("/i/join/", {"code": code_to(lin.phone)})
    assert joined_again["Location"] == "/mailbox/"
    assert new_phone.get("/mailbox/").status_code == 200
    assert new_phone.session["method"] == "invitation"
    actions = list(audit_events().order_by("number").values_list("action", flat=True))
    assert actions == ["recovery_link_sent", "member_returned", "signed_in"]


def test_a_recovery_link_works_once(stuck, lin):
    stuck.post(f"/choose/{lin.enterprise_id}/recover/")
    link = link_to(lin.phone)
    stuck.get(link)
    stuck.post("/i/send/")
    assert stuck.post("/i/join/", {"code": code_to(lin.phone)})["Location"] == "/mailbox/"
    assert Client().get(link).status_code == 410
    with pytest.raises(ValidationError):
        join_member(lin, phone=str(lin.phone), by=SELF, link=Invitation.objects.get())


def test_a_fresh_link_has_its_limits(stuck, lin, settings):
    recover = f"/choose/{lin.enterprise_id}/recover/"
    assert stuck.post(recover).status_code == 303
    again = stuck.post(recover)
    assert again.status_code == 429
    assert 0 < int(again["Retry-After"]) <= 60
    assert "A link was just sent" in again.text
    for _ in range(settings.INVITATIONS_PER_DAY - 1):
        for invitation in Invitation.objects.all():
            Invitation.objects.filter(pk=invitation.pk).update(created_at=invitation.created_at - timedelta(seconds=61))
        assert stuck.post(recover).status_code == 303
    Invitation.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    spent = stuck.post(recover)
    assert spent.status_code == 429
    assert 86_330 <= int(spent["Retry-After"]) <= 86_340
    assert "Try again in 24 hours." in spent.text
    assert Invitation.objects.count() == settings.INVITATIONS_PER_DAY


def test_an_expired_link_back_is_renewed_like_any_other(stuck, lin):
    stuck.post(f"/choose/{lin.enterprise_id}/recover/")
    link = link_to(lin.phone)
    Invitation.objects.update(expires_at=timezone.now(), created_at=timezone.now() - timedelta(days=7))
    assert stuck.get(link).status_code == 410
    assert stuck.post("/i/renew/").status_code == 303
    stuck.get(link_to(lin.phone))
    stuck.post("/i/send/")
    assert stuck.post("/i/join/", {"code": code_to(lin.phone)})["Location"] == "/mailbox/"


def test_members_who_need_not_scan_get_no_recovery_link(phone, lin):
    assert sign_in_by_code(phone, str(lin.phone)) == "/mailbox/"
    assert phone.post(f"/choose/{lin.enterprise_id}/recover/")["Location"] == "/choose/"
    assert not Invitation.objects.exists()


def test_a_dormant_member_needs_an_administrator_even_so(phone, lin, rule):
    joined(lin, timezone.now())
    Member.objects.filter(pk=lin.pk).update(last_entered_at=timezone.now() - timedelta(days=180))
    assert sign_in_by_code(phone, str(lin.phone)) == "/choose/"
    assert phone.post(f"/choose/{lin.enterprise_id}/recover/")["Location"] == "/choose/"
    assert "Ask an administrator" in phone.get("/choose/").text
    assert not Invitation.objects.exists()


def test_nobody_gets_a_link_for_another_enterprise(stuck, other_tenant):
    assert stuck.post(f"/choose/{other_tenant.enterprise.pk}/recover/").status_code == 404


def test_an_ordinary_invitation_admits_no_joined_member(lin, alice, rule):
    joined(lin, timezone.now())
    link = Invitation(member=lin, enterprise=lin.enterprise, number=1, token_digest="x", phone=str(lin.phone))
    link.expires_at = timezone.now() + timedelta(days=1)
    link.save()
    with pytest.raises(ValidationError):
        join_member(lin, phone=str(lin.phone), by=SELF, link=link)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_recovery_link_used_twice_at_once_admits_one_browser():
    assert connection.vendor == "postgresql"
    tenant = build_tenant("示例科技", "example.com")
    user = User.objects.create_user(phone="+8613800138001", name="林晓")
    member = build_member(tenant, "林晓", "linxiao", "+8613800138001", status="active", user=user)
    link = invite_member(member, by=SELF, is_recovery=True)
    start, outcomes = threading.Barrier(8), []

    def come_back():
        try:
            start.wait()
            join_member(Member.objects.get(pk=member.pk), phone=str(member.phone), by=SELF, link=link)
            outcomes.append("in")
        except ValidationError:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=come_back) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", *["refused"] * 7]
