"""A database that is away or read-only: each page is a 503 that says when to come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.test import Client


class ReadOnly(Exception):
    """What PostgreSQL's driver raises for a write on a read-only server."""

    sqlstate = "25006"


def read_only_error() -> InternalError:
    error = InternalError("cannot execute INSERT in a read-only transaction")
    error.__cause__ = ReadOnly()
    return error


@pytest.fixture
def break_database(db):
    """Return a function that makes each statement, or each write, raise `error`."""
    stack = ExitStack()

    def break_it(error: Exception, *, writes_only: bool = False) -> None:
        def refuse(execute, sql, params, many, context):
            if writes_only and sql.startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")):
                return execute(sql, params, many, context)
            raise error

        stack.close()
        stack.enter_context(connection.execute_wrapper(refuse))

    with stack:
        yield break_it


@pytest.fixture
def browsers(client_of, tenant, alice, lin):
    """A stranger, an administrator and a member, who see errors instead of raising them."""
    stranger = Client(raise_request_exception=False)
    found = [stranger, client_of(alice), client_of(lin.user, method="code", enterprise=tenant.enterprise)]
    for client in found:
        client.raise_request_exception = False
    return found


PAGES = ["/", "/console/", "/console/members/", "/mailbox/", "/q/abc/", "/j/abc/", "/i/abc/", "/nowhere/"]


def test_every_page_is_a_503_with_retry_after(browsers, break_database):
    errors = [OperationalError("the connection failed"), InterfaceError("connection already closed")]
    for error in errors:
        break_database(error)
        for client in browsers[1:]:
            for page in PAGES:
                answer = client.get(page, headers={"accept-language": "en"})
                assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "30"), page
                assert "<h1>" in answer.text
                assert "no-store" in answer["Cache-Control"]


def test_a_stranger_gets_a_503_in_their_language(browsers, break_database):
    break_database(OperationalError("the connection failed"))
    chinese = browsers[0].post("/login/code/send/", {"phone": "13800138000"}, headers={"accept-language": "zh-CN"})
    english = browsers[0].get("/j/abc/", headers={"accept-language": "en"})
    assert (chinese.status_code, english.status_code) == (503, 503)
    assert "暂时" in chinese.text
    assert "Temporarily unavailable" in english.text


def test_a_write_on_a_read_only_database_is_a_503(browsers, tenant, break_database):
    errors = [OperationalError("attempt to write a readonly database"), read_only_error()]
    for error in errors:
        break_database(error, writes_only=True)
        answer = browsers[1].post("/console/departments/new/", {"name": "新部门", "department": tenant.root.pk})
        assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_other_errors_of_the_database_are_ours(browsers, break_database):
    break_database(InternalError("a fault"))
    answer = browsers[1].get("/console/")
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers


def test_health_is_json_with_and_without_a_session(browsers, break_database, settings):
    settings.REDIS_URL = "unix:///nowhere.sock"
    break_database(OperationalError("the connection failed"))
    for client in browsers:
        assert client.get("/healthz").json() == {"status": "ok"}
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["database"] == "unreachable"


STOPPED = """
import json, django
django.setup()
from django.test import Client
browser = Client(raise_request_exception=False)
cookie = {"cookie": "session=abcdefghijkl"}
pages = {page: browser.get(page, headers=cookie) for page in ("/login/", "/console/", "/readyz")}
print(json.dumps({page: [answer.status_code, answer.headers.get("Retry-After")] for page, answer in pages.items()}))
"""


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_a_postgresql_that_is_stopped_is_a_503():
    environment = os.environ | {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SETTINGS_MODULE": "exmail_admin.settings",
        "DEBUG": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", STOPPED],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers == {"/login/": [503, "30"], "/console/": [503, "30"], "/readyz": [503, None]}
