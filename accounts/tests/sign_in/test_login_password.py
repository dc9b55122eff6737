"""The page of the password: for administrators, slow to guess, and telling nobody which logins exist."""

import re
import threading
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AttemptCounter, User
from accounts.sign_in import hashers
from accounts.sign_in.hashers import BoundedArgon2PasswordHasher
from accounts.tests.membership_double import DOUBLE, ENTERING_DOUBLE
from conftest import PASSWORD, audit_events

pytestmark = pytest.mark.django_db
PATH = "/login/password/"


def guess(browser, login="alice", password="wrong", **fields):
    return browser.post(PATH, {"login": login, "password": password, **fields})


def test_the_page_asks_for_login_and_password(client):
    page = client.get(PATH).content
    assert b'name="login"' in page
    assert b'name="password"' in page


def test_the_right_password_signs_in_and_goes_on(english, alice):
    response = guess(english, "Alice", PASSWORD, next="/console/")
    assert (response.status_code, response.url) == (303, "/console/")
    assert english.session["_auth_user_id"] == str(alice.pk)
    assert english.session["method"] == "password"
    assert UserSession.objects.get().session_key == english.session.session_key


def test_without_a_next_page_it_goes_to_the_front_door(english, alice):
    assert guess(english, "alice", PASSWORD).url == "/"


def test_a_next_page_elsewhere_is_forgotten(english, alice):
    assert guess(english, "alice", PASSWORD, next="https://evil.example/").url == "/"


def test_a_wrong_password_is_refused_and_the_other_fields_kept(english, alice):
    response = guess(english, "alice", "hunter2-hunter2", next="/console/")
    assert response.status_code == 422
    assert b'value="alice"' in response.content
    assert b'name="next" value="/console/"' in response.content
    assert b"hunter2" not in response.content


def test_an_unknown_login_and_a_wrong_password_get_the_same_answer(alice):
    pages = []
    for login in ("alice", "nobdy"):
        response = guess(Client(headers={"accept-language": "en"}), login)
        page = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", response.content).replace(login.encode(), b"")
        pages.append((response.status_code, page, sorted(response.cookies)))
    assert pages[0] == pages[1]


def test_a_disabled_person_gets_the_answer_of_a_wrong_password(english, alice):
    User.objects.update(is_active=False)
    assert guess(english, "alice", PASSWORD).status_code == 422


@pytest.mark.parametrize(
    ("login", "password"),
    [("", "x"), ("x", ""), ("a" * 65, "x"), ("a\x00", "x"), ("alice", "x" * 10_000), ("😀", "\u202e")],
)
def test_nonsense_is_refused(english, alice, login, password):
    assert guess(english, login, password).status_code == 422


def test_the_tenth_failure_locks_the_login(english, alice):
    for _ in range(10):
        assert guess(english).status_code == 422
    response = guess(english, "ALICE", PASSWORD)
    assert response.status_code == 429
    assert 890 <= int(response["Retry-After"]) <= 900
    assert [event.action for event in audit_events()] == ["sign_in_locked"]


def test_an_unknown_login_is_locked_as_well(english):
    answers = [guess(english, "nobody").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_the_lock_expires(english, alice):
    for _ in range(11):
        guess(english)
    AttemptCounter.objects.filter(failures=10).update(wait_until=timezone.now() + timedelta(seconds=1))
    assert guess(english, "alice", PASSWORD).status_code == 429
    AttemptCounter.objects.filter(failures=10).update(wait_until=timezone.now())
    assert guess(english, "alice", PASSWORD).status_code == 303


def test_a_success_resets_the_failures(english, alice):
    for _ in range(9):
        guess(english)
    assert guess(english, "alice", PASSWORD).status_code == 303
    assert [guess(Client()).status_code for _ in range(10)] == [422] * 10


def test_a_stranger_can_t_keep_the_owner_out(english, alice):
    guess(english, "alice", PASSWORD)
    stranger = Client(REMOTE_ADDR="198.51.100.7")
    for _ in range(12):
        guess(stranger)
    assert guess(stranger).status_code == 429
    assert guess(english, "alice", PASSWORD).status_code == 303


def test_other_logins_of_the_address_are_not_locked(english, alice, dora):
    for _ in range(11):
        guess(english)
    assert guess(english, "dora", PASSWORD).status_code == 303


def test_an_address_with_many_failures_has_one_attempt_per_login(english, alice, dora, settings):
    settings.ACCOUNTS_PASSWORD_FAILURES_PER_ADDRESS = 3
    for n in range(3):
        guess(english, f"nobody{n}")
    assert [guess(english).status_code for _ in range(2)] == [422, 429]
    assert guess(english, "dora", PASSWORD).status_code == 303
    assert guess(Client(REMOTE_ADDR="198.51.100.7")).status_code == 422


def test_failures_of_an_address_expire(english, alice, settings):
    settings.ACCOUNTS_PASSWORD_FAILURES_PER_ADDRESS = 2
    guess(english, "nobody1")
    until = AttemptCounter.objects.get(wait_until__isnull=False).wait_until
    guess(english, "nobody2")
    assert AttemptCounter.objects.get(wait_until__isnull=False).wait_until == until
    AttemptCounter.objects.update(wait_until=timezone.now())
    assert [guess(english).status_code for _ in range(2)] == [422, 422]


def test_forged_addresses_are_ignored(english, alice):
    answers = [
        english.post(PATH, {"login": "alice", "password": "x"}, headers={"x-forwarded-for": f"10.0.0.{n}"}).status_code
        for n in range(11)
    ]
    assert answers[-1] == 429


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_50_concurrent_attempts_ten_are_checked(alice):
    answers = []

    def try_once():
        answers.append(guess(Client()).status_code)
        connection.close()

    threads = [threading.Thread(target=try_once) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [422] * 10 + [429] * 40


def test_attempts_are_not_counted_while_all_hashers_are_busy(english, alice, settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["accounts.sign_in.hashers.BoundedArgon2PasswordHasher"]
    alice.set_password(PASSWORD)
    alice.save()
    monkeypatch.setattr(hashers, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(hashers, "_slots", threading.BoundedSemaphore(1))
    with hashers._slots:
        response = guess(english, "alice", PASSWORD)
    assert (response.status_code, response["Retry-After"]) == (429, "5")
    assert not AttemptCounter.objects.filter(failures__gt=0).exists()
    assert guess(english, "alice", PASSWORD).status_code == 303


def test_a_password_is_hashed_with_owasp_s_parameters():
    encoded = BoundedArgon2PasswordHasher().encode(PASSWORD, "somesaltsomesalt")
    assert "argon2id$v=19$m=19456,t=2,p=1" in encoded
    assert BoundedArgon2PasswordHasher().verify(PASSWORD, encoded)


def test_the_session_s_key_changes(english, alice):
    session = english.session
    session["planted"] = 1
    session.save()
    planted = session.session_key
    english.cookies["session"] = planted
    guess(english, "alice", PASSWORD)
    assert english.session.session_key != planted


def test_another_person_s_session_is_not_inherited(english, alice, charlie, enterprise, settings):
    settings.ACCOUNTS_MEMBERSHIP = ENTERING_DOUBLE
    guess(english, "alice", PASSWORD)
    assert english.session["enterprise"] == enterprise.pk
    settings.ACCOUNTS_MEMBERSHIP = DOUBLE
    guess(english, "charlie", PASSWORD)
    assert "enterprise" not in english.session


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client, method):
    assert getattr(client, method)(PATH).status_code == 405


def test_a_form_from_elsewhere_is_refused():
    assert guess(Client(enforce_csrf_checks=True)).status_code == 403
