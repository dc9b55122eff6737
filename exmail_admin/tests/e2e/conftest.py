"""Fixtures of the end-to-end tests: a console with real workers and a real Redis, and a real browser."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.conf import settings
from playwright.sync_api import Page

from exmail_admin.dev.test_runner import find_browser
from exmail_admin.tests.stack import Stack

number = itertools.count(1)
DESK = {"width": 1360, "height": 850}
PHONE = {"width": 390, "height": 844}
# Playwright runs an event loop in this thread; Django would refuse the database beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


def pytest_collection_modifyitems(items):
    for item in items:
        if "/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)


@contextlib.contextmanager
def database_of_its_own() -> Iterator[str]:
    """Return the URL of the console's database, on the same kind of server as the tests' own; blank for SQLite."""
    own = settings.DATABASES["default"]
    if "postgresql" not in own["ENGINE"]:
        yield ""
        return
    name = f"exmail_e2e_{os.getpid()}_{next(number)}"
    connection = {"host": own["HOST"], "port": own["PORT"] or 5432, "user": own["USER"], "password": own["PASSWORD"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **connection) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    finally:
        with psycopg.connect(dbname="postgres", autocommit=True, **connection) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def console(tmp_path_factory) -> Iterator[Stack]:
    """A running console: its `url`, the `password` of the demo's owner, and `messages("+86…")` sent to a number.

    It stands behind a proxy, so that a browser whose X-Forwarded-For says so comes from another network.
    """
    with database_of_its_own() as url:
        environment = {"TRUSTED_PROXY_COUNT": "1"} | ({"DATABASE_URL": url} if url else {})
        stack = Stack(tmp_path_factory.mktemp("console") / "var", **environment).start()
        yield stack
        stack.stop()
        assert stack.left_behind() == {}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = find_browser()
    if not path:
        pytest.skip("no Chromium on the PATH")
    quiet = ["background-networking", "component-update", "sync", "quic", "dev-shm-usage", "gpu"]
    return {
        **browser_type_launch_args,
        "executable_path": path,
        "args": ["--no-sandbox", "--no-first-run", *(f"--disable-{part}" for part in quiet)],
    }


@pytest.fixture
def open_page(console, new_context) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a fresh browser; a script error or CSP violation in it fails the test."""
    breaches = []

    def note(message):
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            breaches.append(message.text)

    def open_one(viewport: dict[str, int] = DESK, *, locale: str = "zh-CN", **options: object) -> Page:
        context = new_context(base_url=console.url, viewport=viewport, locale=locale, **options)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: breaches.append(str(error)))
        return page

    yield open_one
    assert breaches == []


@pytest.fixture
def desk(open_page) -> Page:
    """Open a desktop browser, 1360 px wide."""
    return open_page(DESK)


@pytest.fixture
def phone(open_page) -> Page:
    """Open a phone's browser, 390 px wide."""
    return open_page(PHONE, has_touch=True, is_mobile=True)


@pytest.fixture
def sign_in_as_owner(console) -> Callable[[Page], Page]:
    """Return a function that signs the demo's owner in."""

    def sign_in(page: Page) -> Page:
        page.goto("/login/password/")
        page.fill("main input[name=login]", "owner")
        page.fill("main input[name=password]", console.password)
        page.locator("main form button").first.click()
        page.wait_for_url("**/console/")
        return page

    return sign_in
