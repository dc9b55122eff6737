"""Measure a page while many desktops poll QR codes (security.md Q22), with gunicorn as in production."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

from django.conf import settings
from django.utils import timezone

from accounts.models import QrSignIn
from benchmarks.measuring import own_database

START_SECONDS = 60
ANSWER_SECONDS = 30
PROBE_PAUSE_SECONDS = 0.05
PAGE = "/login/"
SERVER = ["-m", "gunicorn", "--config", "python:exmail_admin.web", "exmail_admin.wsgi"]


@dataclass
class Answers:
    """Seconds of each response with status 200, number of failures, and the server's CPU seconds."""

    seconds: list[float] = field(default_factory=list)
    failures: int = 0
    cpu_seconds: float = 0

    @property
    def p50(self) -> float:
        return median(self.seconds) if self.seconds else float("nan")

    @property
    def p95(self) -> float:
        return quantiles(self.seconds, n=20)[-1] if len(self.seconds) > 1 else float("nan")


@dataclass(frozen=True)
class Figure:
    """The response times of a page while this number of desktops poll."""

    name: str
    desktops: int
    answers: Answers
    seconds: float


def measure_waiting(desktops: int, seconds: float) -> list[Figure]:
    """Measure the page alone, then while `desktops` poll; each for `seconds`."""
    with own_database() as (_folder, url), _server(url) as (port, server):
        browsers = _codes(desktops)
        alone, _none = asyncio.run(_watch(port, [], seconds))
        began = _cpu_seconds(server)
        beside, polls = asyncio.run(_watch(port, browsers, seconds))
        polls.cpu_seconds = _cpu_seconds(server) - began
    return [
        Figure(f"{PAGE} alone", 0, alone, seconds),
        Figure(f"{PAGE} beside them", desktops, beside, seconds),
        Figure("their polls", desktops, polls, seconds),
    ]


async def _watch(port: int, browsers: list[tuple[str, str]], seconds: float) -> tuple[Answers, Answers]:
    page, polls = Answers(), Answers()
    end = time.monotonic() + seconds
    waiting = [_desktop(port, token, secret, end, polls) for token, secret in browsers]
    await asyncio.gather(_probe(port, end, page), *waiting)
    return page, polls


async def _probe(port: int, end: float, answers: Answers) -> None:
    browser = Browser(port)
    while time.monotonic() < end:
        await browser.ask(PAGE, answers)
        await asyncio.sleep(PROBE_PAUSE_SECONDS)


async def _desktop(port: int, token: str, secret: str, end: float, answers: Answers) -> None:
    """Poll like the page's script, starting at a random time."""
    browser = Browser(port, f"browser={secret}; __Host-browser={secret}")
    await asyncio.sleep(random.random() * settings.ACCOUNTS_QR_POLL_SECONDS)  # noqa: S311 - no secret
    while time.monotonic() < end:
        await browser.ask(f"/q/{token}/state/", answers)
        await asyncio.sleep(settings.ACCOUNTS_QR_POLL_SECONDS)


class Browser:
    """An HTTP client with a persistent connection."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.port, self.cookie = port, cookie
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, answers: Answers) -> None:
        begin = time.perf_counter()
        try:
            status = await asyncio.wait_for(self._exchange(path), ANSWER_SECONDS)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            self.streams, status = None, b""
        if status == b"200":
            answers.seconds.append(time.perf_counter() - begin)
        else:
            answers.failures += 1

    async def _exchange(self, path: str) -> bytes:
        if self.streams is None or self.streams[0].at_eof():
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        if b"connection: close" in head.lower():
            writer.close()
            self.streams = None
        return head.split(b" ", 2)[1]


def _codes(desktops: int) -> list[tuple[str, str]]:
    """Create codes, and return the token and the browser's secret of each."""
    now = timezone.now()
    rows, pairs = [], []
    for _ in range(desktops):
        secret = secrets.token_urlsafe(16)
        browser = hashlib.sha256(secret.encode()).hexdigest()
        row = QrSignIn(browser=browser, created_at=now, expires_at=now + timedelta(hours=1), ip="127.0.0.1")
        rows.append(row)
        pairs.append((row.token, secret))
    QrSignIn.objects.bulk_create(rows)
    return pairs


@contextmanager
def _server(url: str) -> Iterator[tuple[int, int]]:
    """Start the server, and yield its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = os.environ | {"DATABASE_URL": url, "DEBUG": "1", "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    command = [sys.executable, *SERVER, "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen(  # noqa: S603 - nothing of it is typed by anyone
        command, env=environment, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        asyncio.run(_until_ready(port))
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(timeout=20)


async def _until_ready(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        answers = Answers()
        await Browser(port).ask("/healthz", answers)
        if answers.seconds:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("The web server did not start.")


def _cpu_seconds(server: int) -> float:
    """Return the CPU seconds of the server's processes, 0 without /proc."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if server in (int(fields[1]), int(path.parent.name)):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
