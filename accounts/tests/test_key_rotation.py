"""A new SECRET_KEY or AUDIT_KEY: what people hold goes on as long as the old key is among the fallbacks."""

import re
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.audit.recording import command_actor
from accounts.audit.verification_job import start_due_checks, work_on_checks
from accounts.models import AuditCheck, AuditEvent
from accounts.second_factor.factors import add_totp, matching_step
from accounts.sign_in.attempt_limits import AttemptLimit, AttemptLimiter, AttemptsExceeded
from accounts.sign_in.known_browsers import forget_browser, is_known_browser, remember_browser
from accounts.tests.audit.test_recording import write_events
from conftest import build_member
from core.encryption import decrypt
from directory.joining.activation_codes import find_code, issue_code
from directory.joining.invitations import invite_member
from directory.tests.phone import code_to, link_to
from exmail_admin.tests.test_headers import in_production
from invitations.links.actions import colleague_link_url, default_link, find_link, get_link, url_of, use_link

pytestmark = pytest.mark.django_db
BROWSER = "a" * 22
NEW = "a-new-key-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789"
AUDIT = "an-audit-key-0123456789-abcdefghijklmnopqrstuvwxyz"
BY = command_actor()


@pytest.fixture
def rotate(settings):
    """Return a function that replaces SECRET_KEY and keeps all former ones."""

    def replace(key=NEW):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        settings.SECRET_KEY = key

    return replace


def check_audit():
    out = StringIO()
    try:
        call_command("check_audit", stdout=out)
    except CommandError as error:
        return str(error)
    return out.getvalue()


def watch():
    """Return why the watch finds the log broken, or ""."""
    start_due_checks()
    work_on_checks()
    return AuditCheck.objects.get().why


def test_the_audit_log_verifies_after_rotations(enterprise, rotate):
    write_events(enterprise, 3)
    for key in (NEW, NEW[::-1], NEW + "3"):
        rotate(key)
        assert watch() == ""
        write_events(enterprise, 2)
        assert "The audit chain is whole." in check_audit()
    assert watch() == ""


def test_an_audit_key_may_be_set_later_and_be_replaced(enterprise, rotate, settings):
    write_events(enterprise, 2)
    settings.AUDIT_KEY = AUDIT
    write_events(enterprise, 2)
    settings.AUDIT_KEY, settings.AUDIT_KEY_FALLBACKS = AUDIT[::-1], [AUDIT]
    write_events(enterprise, 2)
    rotate()
    write_events(enterprise, 2)
    assert len(set(AuditEvent.objects.values_list("key_id", flat=True))) == 3
    assert "The audit chain is whole." in check_audit()
    assert watch() == ""
    # What was signed with an audit key needs no SECRET_KEY, and the other way round.
    settings.SECRET_KEY_FALLBACKS = []
    assert "event 1: it was written with a key that isn't configured" in check_audit()


def test_a_log_that_was_extended_while_a_key_was_missing_is_whole_once_it_is_back(enterprise, rotate, settings):
    write_events(enterprise, 3)
    old = settings.SECRET_KEY
    assert watch() == ""
    rotate()
    settings.SECRET_KEY_FALLBACKS = []
    write_events(enterprise, 2)
    assert "event 1: it was written with a key that isn't configured" in check_audit()
    assert "isn't configured" in watch()
    settings.SECRET_KEY_FALLBACKS = [old]
    AuditCheck.objects.all().delete()
    assert "The audit chain is whole." in check_audit()
    assert watch() == ""


def test_known_browsers_stay_known_and_can_be_forgotten(alice, enterprise, rotate):
    mark = remember_browser(alice, enterprise, browser=BROWSER)
    rotate()
    assert is_known_browser(alice, enterprise, browser=BROWSER)
    assert not is_known_browser(alice, enterprise, browser="b" * 22)
    remember_browser(alice, enterprise, browser=BROWSER)
    forget_browser(alice, mark)
    assert not is_known_browser(alice, enterprise, browser=BROWSER)


def test_attempts_stay_counted(alice, rotate):
    limit = AttemptLimit("test", "alice", 4)
    for _attempt in range(3):
        AttemptLimiter(limit).count()
    rotate()
    AttemptLimiter(limit).count()
    with pytest.raises(AttemptsExceeded):
        AttemptLimiter(limit).count()
    AttemptLimiter(AttemptLimit("test", "bob", 1)).count()


def test_a_code_on_its_way_is_accepted(lin, rotate):
    browser = Client()
    browser.post("/login/", {"phone": str(lin.phone)})
    rotate()
    assert browser.post("/login/code/", {"code": code_to(lin.phone)})["Location"] == "/"


def test_links_and_activation_codes_open(tenant, lin, wang, rotate):
    invite_member(wang, by=BY)
    invited, shared = link_to(wang.phone), url_of(default_link(tenant.enterprise))
    chen = build_member(tenant, "陈", "chen", None, activation="code")
    code = issue_code(chen, by=BY)
    browser = Client()
    opened = browser.get(invited)
    rotate()
    assert browser.get(opened["Location"]).status_code == 200, "the cookie with the invitation's id"
    assert Client().get(invited, follow=True).status_code == 200
    assert url_of(default_link(tenant.enterprise)) == shared
    assert find_code(code).member == chen


def test_colleagues_links_open_whether_they_were_used_or_not(tenant, lin, zhao, rotate):
    before = {member: colleague_link_url(member).split("/")[-2] for member in (lin, zhao)}
    use_link(find_link(before[zhao]))
    rotate()
    for member, token in before.items():
        assert find_link(token).inviter == member
        assert find_link(colleague_link_url(member).split("/")[-2]).inviter == member
        assert get_link(f"m{member.pk}").inviter == member
    other = "B" if before[lin][0] == "A" else "A"
    assert find_link(other + before[lin][1:]) is None


def test_sessions_and_second_factors_go_on(client_of, alice, rotate):
    secret = "JBSWY3DPEHPK3PXP"
    add_totp(alice, secret=secret, step=0, by=BY, enterprise=None, keep_session=None)
    browser = client_of(alice)
    rotate()
    assert browser.get("/console/").status_code == 200
    row = Authenticator.objects.get(user=alice, type="totp")
    assert decrypt(row.data["secret"], use="factor") == {"secret": secret}
    assert matching_step(secret, "000000", after=10**12) is None


FALLBACKS, AUDIT_FALLBACKS = "SECRET_KEY_FALLBACKS", "AUDIT_KEY_FALLBACKS"


@pytest.mark.no_db
def test_keys_are_read_from_the_environment_and_nonsense_is_refused():
    read = in_production(SECRET_KEY_FALLBACKS="old one!, older", AUDIT_KEY=AUDIT, AUDIT_KEY_FALLBACKS="x")
    assert (read.SECRET_KEY_FALLBACKS, read.AUDIT_KEY) == (["old one!", "older"], AUDIT)
    assert read.AUDIT_KEY_FALLBACKS == ["x"]
    unset = in_production(SECRET_KEY_FALLBACKS=" ", AUDIT_KEY="")
    assert (unset.SECRET_KEY_FALLBACKS, unset.AUDIT_KEY, unset.AUDIT_KEY_FALLBACKS) == ([], "", [])
    for variables in (
        {FALLBACKS: "a,,b"},
        {FALLBACKS: "a,"},
        {FALLBACKS: "a, a"},
        {FALLBACKS: unset.SECRET_KEY},
        {"AUDIT_KEY": "short"},
        {"AUDIT_KEY": "a" * 40},
        {"AUDIT_KEY": AUDIT.replace("-", ",")},
        {"AUDIT_KEY": AUDIT, AUDIT_FALLBACKS: f"b, {AUDIT}"},
        {AUDIT_FALLBACKS: ","},
    ):
        name = list(variables)[-1]
        with pytest.raises(ImproperlyConfigured, match=f"{re.escape(name)} must") as refused:
            in_production(**variables)
        assert not any(value in str(refused.value) for value in variables.values() if len(value) > 4)
