"""Slow clients occupy no thread of the web server (A10)."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from django.conf import settings

from exmail_admin.web_worker import RECEIVED_BYTES, Arrival, Connection, StoredUnreader

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /language/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def port():
    """Run the web server with the configuration of production, and yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = f"-m gunicorn --config python:exmail_admin.web --bind fd://{listener.fileno()} exmail_admin.wsgi"
        process = subprocess.Popen(
            [sys.executable, *command.split()],
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "exmail_admin.settings", "DEBUG": "1"},
            cwd=settings.BASE_DIR,
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            number = listener.getsockname()[1]
            warm_up(number)
            yield number
        finally:
            process.terminate()
            process.wait(timeout=15)


def warm_up(port: int) -> None:
    """Let each process answer its first requests, which take long."""
    with ThreadPoolExecutor(16) as pool:
        for _ in range(4):
            list(pool.map(lambda _number: probe(port, timeout=60), range(16)))


def probe(port: int, *, timeout: float = 3) -> None:
    """Fail unless /healthz answers in time: within a second, or three where other tests run too."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


def answer_to(port: int, *parts: bytes) -> bytes:
    """Send parts of a request, a moment apart, and return the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(0.02)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.slow
def test_slow_headers_and_bodies_hold_up_nobody(port):
    begun = [
        HEAD,
        POST + b"Content-Length: 100000\r\n\r\nlanguage=en",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nlangu",
        POST + b"Content-Length: 99999999\r\n\r\n" + b"x" * 70_000,
        HEAD + b"\r\n",  # answered, then idle
        b"",
    ]
    with ExitStack() as stack:
        for number in range(100):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            client.sendall(begun[number % len(begun)])
        for _ in range(10):
            probe(port)
            time.sleep(0.2)


@pytest.mark.slow
def test_requests_in_parts_large_ones_and_pipelined_ones_arrive_whole(port):
    parts = [HEAD[:5], HEAD[5:40], HEAD[40:] + b"\r", b"\n"]
    assert answer_to(port, *parts).startswith(b"HTTP/1.1 200")
    assert answer_to(port, HEAD + b"\r\n" + HEAD[:20], HEAD[20:] + b"\r\n").count(b"HTTP/1.1 200") == 2
    body = b"next=%2Flogin%2F&x=" + b"x" * 300_000
    posted = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    assert b" 403 " in answer_to(port, posted, body[:9], body[9:200_000], body[200_000:])
    assert b" 403 " in answer_to(port, posted + body)
    assert b" 411 " in answer_to(port, POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


def arrive(*parts: bytes) -> Arrival:
    arrival = Arrival(Connection.__new__(Connection), b"")
    for part in parts:
        arrival.add(part)
    return arrival


def test_request_is_complete_at_its_last_byte():
    request = POST + b"content-length: 7\r\n\r\nx=12345"
    for end in range(len(request)):
        assert arrive(request[:end]).missing != 0, end
    assert arrive(*(bytes([byte]) for byte in request)).missing == 0
    assert arrive(request + HEAD).missing == 0  # the next request has begun
    assert arrive(HEAD + b"\r\n").missing == 0


def test_body_of_unknown_or_excessive_length_is_left_to_a_thread():
    for header, missing in ((b"Transfer-Encoding: chunked", 0), (b"Content-Length: 99999999999", 64 * 1024)):
        arrival = arrive(POST + header + b"\r\n\r\n")
        assert (arrival.missing, arrival.is_whole) == (missing, False)


def test_a_thread_waits_for_no_body_long():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        unreader = StoredUnreader(ours, arrive(b"head").file)
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            unreader.read(10)
        assert time.monotonic() - begin < 8


def test_a_long_body_is_read_in_small_pieces():
    """gunicorn asks for all of it at once and copies what it doesn't need yet: 39 MB took five seconds."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        unreader = StoredUnreader(ours, arrive(b"x" * 1_000_000).file)
        assert len(unreader.chunk(1_000_000)) == RECEIVED_BYTES


def test_headers_have_ten_seconds_and_an_end():
    begin = time.monotonic()
    arrival = arrive(HEAD)
    assert 10 <= arrival.deadline - begin < 15
    arrival.add(b"X-Slow: 1\r\n" * 100)
    assert arrival.deadline - begin < 15
    assert not arrival.is_too_long
    arrival.add(b"X-Slow: 1\r\n" * 6000)
    assert arrival.is_too_long


def test_body_has_ten_seconds_and_more_while_it_keeps_coming():
    begin = time.monotonic()
    arrival = arrive(POST + b"Content-Length: 100000\r\n\r\n")
    assert arrival.deadline - begin < 15
    arrival.add(b"x" * 5000)
    assert 19.9 < arrival.deadline - begin < 25


def test_what_arrived_is_read_before_the_socket():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"socket")
        arrival = arrive(b"file" * 50_000)
        unreader = StoredUnreader(ours, arrival.file)
        assert unreader.read(200_000) == b"file" * 50_000
        assert unreader.read() == b"socket"
