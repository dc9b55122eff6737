"""Measure joining: the page behind a join link, and many people who apply at the same time (J16).

Start a console as `make run` does, use it over the loopback with an address per applicant, and read the codes from the
file gateway.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

from django.conf import settings

from exmail_admin import environment

PASSWORD = "only-for-the-benchmark"  # noqa: S105 (of a console that lives a minute on the loopback)
START_SECONDS = 120
CODE_SECONDS = 60
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass
class Measured:
    """Milliseconds by step, and the outcome of the applications."""

    steps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    filed: int = 0
    refused: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def figures(self) -> Iterator[tuple[str, int, float, float]]:
        """Yield step, number of requests, p50 and p95."""
        for step, taken in self.steps.items():
            cuts = quantiles(taken, n=100)
            yield step, len(taken), cuts[49], cuts[94]


class Browser:
    """A client that keeps cookies, submits forms, and measures each request."""

    def __init__(self, url: str, address: str, measured: Measured) -> None:
        self.url, self.address, self.measured = url, address, measured
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self.page = ""

    def get(self, path: str, step: str = "") -> str:
        return self._ask(Request(self.url + path), step)  # noqa: S310 (our own console)

    def post(self, path: str, step: str = "", **fields: str) -> str:
        token = CSRF.search(self.page)
        typed = urlencode({**fields, "csrfmiddlewaretoken": token[1] if token else ""}).encode()
        return self._ask(Request(self.url + path, typed, {"Referer": self.url + path}), step)  # noqa: S310

    def _ask(self, request: Request, step: str) -> str:
        request.add_header("X-Forwarded-For", self.address)
        begun = time.perf_counter()
        with self.opener.open(request, timeout=60) as answer:
            self.page = answer.read().decode()
        if step:
            self.measured.steps[step].append((time.perf_counter() - begun) * 1000)
        return self.page


def measure_joining(applicants: int, pages: int) -> Measured:
    measured = Measured()
    with TemporaryDirectory() as folder, _console(Path(folder)) as url:
        link = _open_joining(url, measured)
        reader = Browser(url, "198.51.100.250", measured)
        reader.get(link)
        for _ in range(pages):
            reader.get(link, "the link, followed to its page")
        begun = time.perf_counter()
        with ThreadPoolExecutor(applicants) as pool:
            list(pool.map(lambda number: _apply(url, link, number, Path(folder), measured), range(applicants)))
        measured.seconds = time.perf_counter() - begun
    return measured


def _apply(url: str, link: str, number: int, folder: Path, measured: Measured) -> None:
    phone = f"139{number * 7919 % 10000:04}{number:04}"
    browser = Browser(url, f"198.51.100.{number + 1}", measured)
    try:
        browser.get(link, "at once: open the link")
        browser.post("/j/send/", "at once: ask for a code", phone=phone)
        code = _wait_for(lambda: _code_to(f"+86{phone}", folder / "sms.jsonl"), CODE_SECONDS)
        browser.post("/j/code/", "at once: enter the code", code=code)
        page = browser.post("/j/apply/", "at once: apply", name=f"申请人{number}", prefix=f"applicant{number}")
    except (HTTPError, TimeoutError) as refusal:
        measured.refused.append(f"{phone}: {refusal}")
        return
    measured.filed += 'data-state="pending"' in page


def _open_joining(url: str, measured: Measured) -> str:
    """Enable joining as the owner. Return the path of the join link."""
    owner = Browser(url, "198.51.100.251", measured)
    owner.get("/login/password/")
    owner.post("/login/password/", login="owner", password=PASSWORD)
    page = owner.get("/console/joining/")
    chosen = {
        name: re.search(rf'<select name="{name}".*?<option value="([^"]+)" selected', page, re.S)
        for name in ("default_department", "default_domain")
    }
    fields = {name: found[1] for name, found in chosen.items() if found}
    page = owner.post("/console/joining/", enabled="on", approval_required="on", privacy_notice="", **fields)
    found = re.search(r"/j/[\w-]+/", page)
    assert found, page[:2000]
    return found[0]


def _code_to(phone: str, file: Path) -> str:
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    texts = [line["text"] for line in lines if line["to"] == phone]
    return re.findall(r"(?<!\d)\d{6}(?!\d)", texts[-1])[0] if texts else ""


@contextmanager
def _console(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    variables = environment.child_environment("PUBLIC_URL", "REDIS_URL", "SMS_FILE") | {
        "DEBUG": "1",
        "DEMO_PASSWORD": PASSWORD,
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "TRUSTED_PROXY_COUNT": "1",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "exmail_admin.dev.run", "--parent", str(os.getpid())]
    with (folder / "console.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own runner)
            command, cwd=settings.BASE_DIR, env=variables, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(lambda: "ready" if _is_ready(url) else "", START_SECONDS)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=3) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait_for(look: Callable[[], str], seconds: float) -> str:
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s")
        time.sleep(0.1)
    return found
