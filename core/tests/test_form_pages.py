"""A form that can't be answered leads back to its page: sent without a session, with an old token, or opened by GET."""

import re
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from conftest import PASSWORD

pytestmark = pytest.mark.django_db


def token_of(page) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]


@pytest.fixture
def browser():
    return Client(enforce_csrf_checks=True, headers={"accept-language": "en"})


@pytest.fixture
def old_token(browser, lin):
    """A token from before the sign-in of Lin in `browser`."""
    token = token_of(browser.get("/login/password/"))
    sign_in(browser, lin.user)
    return token


def sign_in(browser, user):
    user.login = "lin"
    user.set_password(PASSWORD)
    user.save()
    page = browser.get("/login/password/")
    answer = browser.post(
        "/login/password/",
        {"login": "lin", "password": PASSWORD, "csrfmiddlewaretoken": token_of(page), "next": "/mailbox/"},
    )
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/console/members/new/", "/console/members/new/"),
        ("/console/members/new/?department=7", "/console/members/new/?department=7"),
        ("/console/members/7/edit/", "/console/members/7/edit/"),
        ("/console/members/7/disable/", "/console/members/7/"),
        ("/console/members/disable/", "/console/members/"),
        ("/console/imports/", "/console/imports/"),
        ("/console/imports/7/repair/", "/console/imports/7/"),
        ("/console/departments/7/delete/", "/console/departments/7/edit/"),
        ("/console/applications/7/reject/", "/console/applications/7/"),
        ("/console/applications/approve/", "/console/applications/"),
        ("/console/joining/links/7/revoke/", "/console/joining/links/7/"),
        ("/mailbox/devices/7/end/", "/mailbox/devices/"),
        ("/choose/7/join/", "/choose/"),
    ],
)
def test_after_signing_in_a_person_is_where_they_sent_the_form(client, path, page):
    answer = client.post(path, {"name": "张三"})
    assert (answer.status_code, answer.url) == (302, f"/login/?{urlencode({'next': page})}")


def test_an_idle_session_returns_to_the_form_after_the_second_factor(client_of, alice):
    browser = client_of(alice)
    session = browser.session
    del session["factor_at"]
    session.save()
    assert browser.post("/console/members/new/", {}).url.endswith("?next=%2Fconsole%2Fmembers%2Fnew%2F")


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/console/members/delete/", "/console/members/"),
        ("/console/members/invite/", "/console/members/"),
        ("/console/applications/approve/", "/console/applications/"),
        ("/console/joining/reset/", "/console/joining/"),
        ("/console/audit/check/", "/console/audit/"),
        ("/console/audit/export.xlsx", "/console/audit/"),
        ("/mailbox/devices/end/", "/mailbox/devices/"),
    ],
)
@pytest.mark.parametrize("method", ["get", "head"])
def test_the_address_of_an_action_leads_to_its_page_with_a_word(client_of, alice, path, page, method):
    browser = client_of(alice)
    answer = getattr(browser, method)(path)
    assert (answer.status_code, answer.url) == (302, page)
    assert "Nothing was changed." in browser.get(page).content.decode()


@pytest.mark.parametrize("path", ["/i/send/", "/j/apply/", "/login/code/send/", "/logout/"])
def test_a_stranger_at_the_address_of_an_action_leaves_no_session(client, path):
    assert client.get(path).status_code == 302
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", ["/console/members/delete/", "/console/joining/reset/"])
def test_an_action_takes_no_other_method(client_of, alice, path):
    assert client_of(alice).put(path).status_code == 405


@pytest.mark.parametrize("next_page", ["", "/mailbox/devices/"])
def test_a_second_sign_in_tab_leads_in_after_the_first(browser, lin, next_page):
    token = token_of(browser.get("/login/password/"))
    sign_in(browser, lin.user)
    answer = browser.post(
        "/login/password/",
        {"login": "lin", "password": PASSWORD, "csrfmiddlewaretoken": token, "next": next_page},
    )
    assert (answer.status_code, answer.url) == (303, next_page or "/")
    assert "You&#x27;re already signed in." in browser.get(answer.url, follow=True).content.decode()


@pytest.mark.parametrize("name", ["login", "login_code", "login_code_send", "login_factor", "login_passkey"])
def test_every_step_of_a_second_sign_in_leads_in(browser, old_token, name):
    answer = browser.post(reverse(f"accounts:{name}"), {"csrfmiddlewaretoken": old_token, "phone": "x", "code": "1"})
    assert (answer.status_code, answer.url) == (303, "/")


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/i/send/", "/i/"),
        ("/i/code/", "/i/code/"),
        ("/j/send/", "/j/"),
        ("/j/apply/", "/j/"),
        ("/choose/7/", "/choose/"),
        ("/mailbox/devices/end/", "/mailbox/devices/"),
        ("/mailbox/password/", "/mailbox/password/"),
        ("/confirm/?next=/mailbox/password/", "/confirm/?next=/mailbox/password/"),
        ("/console/members/new/", "/console/members/new/"),
    ],
)
def test_a_form_from_before_the_sign_in_is_shown_again(browser, old_token, path, page):
    answer = browser.post(path, {"csrfmiddlewaretoken": old_token})
    assert (answer.status_code, answer.url) == (303, page)
    messages = [str(message) for message in browser.get("/mailbox/devices/").context["messages"]]
    assert messages == ["This page was out of date, so nothing was changed. Please try again."]


def test_signing_out_in_an_old_tab_leads_home(browser, old_token, lin):
    answer = browser.post("/logout/", {"csrfmiddlewaretoken": old_token})
    assert (answer.status_code, answer.url) == (303, "/")
    assert browser.session["_auth_user_id"] == str(lin.user.pk)


def test_an_old_form_of_a_choice_leads_back_to_its_page(browser, old_token):
    fields = {"csrfmiddlewaretoken": old_token, "language": "zh-hans", "next": "/mailbox/devices/"}
    answer = browser.post("/language/", fields)
    assert (answer.status_code, answer.url) == (303, "/mailbox/devices/")
    assert not answer.cookies.get("django_language")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/j/prefix/", {"hx-request": "true"}),
        ("/q/", {"accept": "application/json"}),
        ("/login/passkey/options/", {"accept": "application/json"}),
    ],
)
def test_a_script_is_told_to_reload_the_page_of_an_old_form(browser, old_token, path, headers):
    answer = browser.post(path, {"csrfmiddlewaretoken": old_token}, headers=headers)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (403, "true")


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"csrfmiddlewaretoken": "short"}, {}),
        ({"csrfmiddlewaretoken": "A" * 64}, {"origin": "https://evil.example"}),
    ],
)
def test_a_form_that_is_not_ours_is_refused(browser, old_token, fields, headers):
    answer = browser.post("/mailbox/devices/end/", fields, headers=headers)
    assert answer.status_code == 403


def test_an_old_form_changes_nothing(browser, old_token, lin):
    browser.post("/mailbox/password/", {"csrfmiddlewaretoken": old_token, "password": "x" * 20, "confirm": "x" * 20})
    lin.user.refresh_from_db()
    assert lin.user.check_password(PASSWORD)


def test_without_cookies_the_page_says_so():
    answer = Client(enforce_csrf_checks=True).post("/login/", {"csrfmiddlewaretoken": "A" * 64})
    assert answer.status_code == 403
