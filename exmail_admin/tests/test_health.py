"""Health checks: fast, never a 500, and exact about what is missing."""

import fnmatch

import pytest
import redis
from django.db import OperationalError, connection

from exmail_admin import health, heartbeat


@pytest.fixture
def parts(monkeypatch):
    """The results of the checks, in which a test replaces one by an error."""
    found = {"database": True, "redis": True, "worker": True, "clocks": True}

    def check(name):
        if isinstance(found[name], Exception):
            raise found[name]
        return found[name]

    monkeypatch.setattr(health, "CHECKS", {name: lambda name=name: check(name) for name in found})
    return found


def test_the_process_answers_whatever_else_is_down(client, settings):
    settings.REDIS_URL = "unix:///nowhere.sock"
    assert client.get("/healthz").json() == {"status": "ok"}


def test_all_there_is_200(client, parts):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok", "worker": "ok", "clocks": "ok"}


@pytest.mark.parametrize(
    ("part", "finding"),
    [("database", OperationalError("gone")), ("redis", redis.ConnectionError("gone")), ("worker", False)],
)
def test_what_is_missing_is_named_with_503(client, parts, part, finding):
    parts[part] = finding
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()[part] == "unreachable"
    assert [name for name, word in answer.json().items() if word == "unreachable"] == [part]


class FakeRedis:
    """The commands that heartbeats use; its clock is `now`."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.now = 1_000_000.0

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def time(self) -> tuple[int, int]:
        return int(self.now), 0

    def set(self, key: str, value: object, ex: int) -> None:
        self.values[key] = str(value)

    def exists(self, *keys: str) -> int:
        return sum(key in self.values for key in keys)

    def scan_iter(self, pattern: str) -> list[str]:
        return fnmatch.filter(self.values, pattern)

    def mget(self, keys: list[str]) -> list[bytes | None]:
        return [value.encode() if (value := self.values.get(key)) else None for key in keys]


def test_a_worker_whose_clock_is_wrong_is_told(monkeypatch, time_machine):
    server = FakeRedis()
    monkeypatch.setattr(heartbeat, "connect", lambda: server)
    for offset, is_right in ((0, True), (29, True), (-29, True), (31, False), (-31, False), (3600, False)):
        time_machine.move_to(server.now + offset, tick=False)
        heartbeat.record_heartbeat(heartbeat.QUEUES)
        time_machine.move_to(server.now, tick=False)
        assert health.CHECKS["clocks"]() is is_right, offset
        assert health.CHECKS["worker"]() is True


def test_a_wrong_clock_is_503_and_named(client, parts):
    parts["clocks"] = False
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["clocks"]) == (503, "wrong")


@pytest.mark.django_db
def test_without_redis_there_is_no_worker_either(client, settings):
    settings.REDIS_URL = "unix:///nowhere.sock"
    heartbeat.record_heartbeat(["codes"])
    assert client.get("/readyz").json()["database"] == "ok"
    assert client.get("/readyz").json()["redis"] == client.get("/readyz").json()["worker"] == "unreachable"


def test_health_is_not_redirected_to_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgresql_compiles_no_query():
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
