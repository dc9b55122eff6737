"""Slow clients occupy no thread of the web server (A10)."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing

import pytest
from django.conf import settings

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /language/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
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
            probe(number, timeout=60)
            yield number
        finally:
            process.terminate()
            process.wait(timeout=15)


def probe(port: int, *, timeout: float = 1) -> None:
    """Fail unless /healthz answers in time."""
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
@pytest.mark.xfail(strict=True, reason="A10: a thread waits for each")
def test_slow_headers_and_bodies_hold_up_nobody(port):
    begun = [
        HEAD,
        POST + b"Content-Length: 100000\r\n\r\nlanguage=en",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nlangu",
        HEAD + b"\r\n",  # answered, then idle
        b"",
    ]
    with ExitStack() as stack:
        for number in range(100):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            client.sendall(begun[number % len(begun)])
        for _ in range(5):
            probe(port)
            time.sleep(0.2)


@pytest.mark.slow
def test_requests_in_parts_large_ones_and_pipelined_ones_arrive_whole(port):
    parts = [HEAD[:5], HEAD[5:40], HEAD[40:] + b"\r", b"\n"]
    assert answer_to(port, *parts).startswith(b"HTTP/1.1 200")
    assert answer_to(port, HEAD + b"\r\n" + HEAD[:20], HEAD[20:] + b"\r\n").count(b"HTTP/1.1 200") == 2
    body = b"next=%2Flogin%2F&x=" + b"x" * 300_000
    posted = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    assert (
        b"CSRF" in (refused := answer_to(port, posted, body[:9], body[9:200_000], body[200_000:]))
        or b" 403 " in refused
    )
    assert b" 403 " in answer_to(port, posted + body)
    assert b" 411 " in answer_to(port, POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
