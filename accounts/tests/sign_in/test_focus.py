"""After a refusal the cursor is where the person goes on."""

import re

import pytest

pytestmark = pytest.mark.django_db


def focused(page) -> list[str]:
    return [re.search(r'name="(\w+)"', tag)[1] for tag in re.findall(r"<input[^>]*autofocus[^>]*>", page.text)]


@pytest.mark.parametrize(
    ("path", "typed", "field"),
    [
        ("/login/password/", {"login": "alice", "password": "wrong"}, "password"),
        ("/login/password/", {"login": "alice", "password": ""}, "password"),
        ("/login/password/", {"login": "", "password": ""}, "login"),
        ("/i/code/", {"account": "alice", "code": "AAAA"}, "code"),
        ("/i/code/", {"account": "", "code": ""}, "account"),
    ],
)
def test_the_field_with_the_error_has_the_focus(client, alice, path, typed, field):
    assert focused(client.post(path, typed)) == [field]


@pytest.mark.parametrize(("path", "field"), [("/login/password/", "login"), ("/i/code/", "account")])
def test_a_new_form_begins_with_its_first_field(client, path, field):
    assert focused(client.get(path)) == [field]


def test_a_limit_keeps_the_focus_on_the_password(client, alice, settings):
    settings.ACCOUNTS_PASSWORD_FAILURES = 1
    for _ in range(30):
        answer = client.post("/login/password/", {"login": "alice", "password": "wrong"})
        if answer.status_code == 429:
            break
    assert focused(answer) == ["password"]
