"""A separate console for a test, started by the development runner in its own directory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import redis

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
MINUTE_PASSES = """
from datetime import timedelta
from django.db.models import F
from directory.models import Invitation
from sms.models import Message, PhoneCode
for model, name in (Invitation, "created_at"), (PhoneCode, "created_at"), (Message, "settled_at"):
    model.objects.update(**{name: F(name) - timedelta(minutes=1)})
"""


class Stack:
    """`make run` without make, below `var`; `environment` adds to or overrides what the tests run with."""

    def __init__(self, var: Path, **environment: str) -> None:
        self.var = var
        self.password = "a-password-for-the-tests"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if name not in {"PUBLIC_URL", "REDIS_URL", "SMS_FILE"}
            },
            "DEBUG": "1",
            "DEMO_PASSWORD": self.password,
            "DATABASE_URL": f"sqlite:///{var}/db.sqlite3",
            "VAR_DIR": str(var),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.var.parent / f"{self.var.name}.log").read_text(errors="replace")

    def start(self, command: list[str] | None = None) -> Stack:
        """Start, and wait until every process is ready."""
        with (self.var.parent / f"{self.var.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                command or [sys.executable, "-m", "exmail_admin.dev.run", "--parent", str(os.getpid())],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log[-3000:]
            assert time.monotonic() < end, self.log[-3000:]
            time.sleep(0.2)
        return self

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=3) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def processes(self) -> dict[int, str]:
        """Every running process of this stack, children's children too: id and command line."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"VAR_DIR={self.var}\0".encode() in (path / "environ").read_bytes():
                    found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def left_behind(self, *, seconds: float = 5) -> dict[int, str]:
        """Return the processes that are left after the timeout."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def redis(self) -> redis.Redis:
        """Return a client of the embedded Redis server."""
        return redis.Redis(unix_socket_path=str(self.var / "valkey.sock"))

    def messages(self, to: str | None = None) -> list[dict[str, str]]:
        """What the file gateway has written, oldest first; of one phone (E.164), if given."""
        file = Path(self.environment.get("SMS_FILE") or self.var / "sms.jsonl")
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [message for line in lines if (message := json.loads(line)) and to in {None, message["to"]}]

    def next_message(self, to: str, *, after: int = 0, seconds: float = 20) -> dict[str, str]:
        """Wait for the phone's message beyond the first `after`."""
        end = time.monotonic() + seconds
        while len(found := self.messages(to)) <= after:
            assert time.monotonic() < end, f"no message for {to}\n{self.log[-3000:]}"
            time.sleep(0.1)
        return found[after]

    def let_a_minute_pass(self) -> None:
        """Move the times of codes and personal links back, not the clock: a number gets one a minute."""
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", MINUTE_PASSES], cwd=ROOT, env=self.environment, check=True
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
