"""Sessions: opened, carried into an enterprise, ended."""

import time
from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.test import RequestFactory

from accounts.actors import set_actor
from accounts.models import User
from accounts.sign_in import sessions
from accounts.tests.membership_double import ENTERING_DOUBLE
from conftest import audit_events

pytestmark = pytest.mark.django_db
PHONE = "+8613800138001"


@pytest.fixture
def visit():
    """Return a function that creates a request with a new session, as after the middleware."""

    def make(**headers):
        request = RequestFactory(headers=headers).get("/")
        request.session = import_module(django_settings.SESSION_ENGINE).SessionStore()
        request.session.create()
        request.user = AnonymousUser()
        set_actor(request)
        return request

    return make


def is_alive(request):
    return request.session.exists(request.session.session_key)


def test_a_session_is_opened_with_a_new_key_and_a_device(visit, alice):
    request = visit(**{"user-agent": "Firefox/140"})
    before = request.session.session_key
    sessions.open_session(request, alice, method="invitation")
    assert request.session.session_key != before
    assert request.session["method"] == "invitation"
    assert abs(request.session["signed_in_at"] - time.time()) < 5
    device = UserSession.objects.get(session_key=request.session.session_key)
    assert (device.user, device.ip, device.user_agent) == (alice, "127.0.0.1", "Firefox/140")
    assert request.actor.user == alice


def test_signing_in_enters_where_the_membership_says(visit, alice, enterprise, settings):
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE
    request = visit()
    sessions.open_session(request, alice, method="password")
    assert sessions.current_enterprise(request) == enterprise


@pytest.mark.parametrize("change", ["renew_key", "keep_signed_in"])
def test_a_session_that_was_ended_gets_no_new_key(visit, alice, change):
    request = visit()
    sessions.open_session(request, alice, method="password")
    sessions.end_sessions(alice)
    with pytest.raises(SessionInterrupted):
        sessions.renew_key(request) if change == "renew_key" else sessions.keep_signed_in(request, alice)
    assert not Session.objects.exists()


def test_signing_in_again_keeps_the_enterprise(visit, alice, enterprise):
    request = visit()
    sessions.open_session(request, alice, method="code")
    sessions.enter_enterprise(request, enterprise)
    sessions.open_session(request, alice, method="password")
    assert sessions.current_enterprise(request) == enterprise


def test_what_was_proven_before_is_forgotten_once_signed_in(visit, alice):
    request = visit()
    sessions.prove_phone(request, PHONE)
    assert sessions.proven_phone(request) == PHONE
    sessions.open_session(request, alice, method="password")
    assert sessions.proven_phone(request) is None
    assert "proven_phone" not in request.session


def test_the_proven_phone_of_someone_signed_in_is_theirs(visit):
    user = User.objects.create_user(phone=PHONE)
    request = visit()
    sessions.prove_phone(request, PHONE)
    assert request.user == user
    assert sessions.proven_phone(request) == PHONE


@pytest.mark.parametrize(("age", "phone"), [(595, PHONE), (600, None)])
def test_a_proof_lasts_ten_minutes(visit, age, phone):
    request = visit()
    sessions.prove_phone(request, PHONE)
    request.session["proven_at"] -= age
    assert sessions.proven_phone(request) == phone


def test_verifying_another_phone_ends_the_old_session(visit, alice):
    request = visit()
    sessions.open_session(request, alice, method="password")
    sessions.prove_phone(request, PHONE)
    assert not request.user.is_authenticated
    assert sessions.proven_phone(request) == PHONE


def test_sessions_end_everywhere_or_in_one_enterprise(visit, alice, charlie, enterprise, other_tenant):
    here, there, nowhere, other = visit(), visit(), visit(), visit()
    for request in (here, there, nowhere):
        sessions.open_session(request, alice, method="password")
        request.session.save()
    sessions.open_session(other, charlie, method="password")
    other.session.save()
    sessions.enter_enterprise(here, enterprise)
    sessions.enter_enterprise(there, other_tenant.enterprise)
    assert sessions.end_sessions(alice, enterprise=enterprise) == 1
    assert [is_alive(request) for request in (here, there, nowhere, other)] == [False, True, True, True]
    assert sessions.end_sessions(alice, except_key=there.session.session_key) == 1
    assert [is_alive(request) for request in (there, nowhere, other)] == [True, False, True]
    assert sessions.end_sessions(alice) == 1
    assert [is_alive(request) for request in (there, other)] == [False, True]


def test_signing_out_leaves_nothing(visit, alice):
    request = visit()
    sessions.open_session(request, alice, method="password")
    key = request.session.session_key
    sessions.end_session(request)
    assert not request.session.exists(key)
    assert not UserSession.objects.exists()
    assert request.actor.user is None


def test_an_event_contains_the_actor_and_the_address(client_of, alice, enterprise):
    browser = client_of(alice)
    browser.post(
        "/console/settings/",
        {"name": "x", "language": "en", "time_zone": "UTC", "region": "CN", "code_rule": "everyone"},
        headers={"user-agent": "Fire\r\nfox +8613800138000"},
        REMOTE_ADDR="198.51.100.7",
    )
    event = audit_events().get()
    assert (event.actor_user_id, event.role, event.via, event.ip) == (alice.pk, "owner", "web", "198.51.100.7")
    assert event.user_agent == "Fire\ufffd\ufffdfox 138****8000"
    assert event.request_id
