"""`make run`: one sentence per refusal, and no process left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from exmail_admin.tests.stack import ROOT, Stack, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only]


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path / "var")
    yield stack
    for pid in stack.processes():
        os.kill(pid, signal.SIGKILL)


# One interpreter imports the runner once and forks for each start; each start ends before the next begins.
STARTS = """
import json, os, subprocess, sys
from exmail_admin.dev import run
sys.argv = ["run"]
for environment in json.loads(sys.stdin.read()):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        os.dup2(write, 2)
        os.close(read)
        run.main()
        os._exit(0)
    os.close(write)
    error = open(read).read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([code, error]), flush=True)
"""


def refusals(stack, environments):
    """Start once with each of these environments, and return the one sentence of each refusal."""
    done = subprocess.run(
        [sys.executable, "-c", STARTS],
        cwd=ROOT,
        env=stack.environment,
        input=json.dumps(environments),
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [code for code, _ in outcomes] == [1] * len(environments), outcomes
    sentences = [error.strip().splitlines() for _, error in outcomes]
    assert [lines for lines in sentences if len(lines) != 1] == []
    return [sentence for (sentence,) in sentences]


def refusal(stack, **environment):
    return refusals(stack, [environment])[0]


def start_by_make(stack):
    makefile = stack.var.parent / "Makefile"
    makefile.write_text(f"run:\n\t@exec {sys.executable} -m exmail_admin.dev.run --parent $$PPID\n")
    stack.start(["make", "-f", str(makefile), "run"])
    assert len(stack.processes()) > 8
    assert "wakeup_lost" not in stack.log


def test_a_killed_part_comes_back_and_no_process_outlives_make(stack):
    start_by_make(stack)
    before = stack.processes()
    victims = [
        pid for pid, command in before.items() if pid != stack.process.pid and "exmail_admin.dev.run" not in command
    ]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    end = time.monotonic() + 30
    while not stack.is_ready():
        assert time.monotonic() < end, stack.log
        time.sleep(0.2)
    stack.stop()
    assert stack.left_behind(seconds=15) == {}


def test_no_process_outlives_ctrl_c_or_kill_and_only_one_run_holds_the_tree(stack):
    stack.start()
    assert "runs already" in refusal(stack, PORT=str(free_port()))
    stack.stop(signal.SIGKILL)
    stack.start()  # at once, over whatever the killed run left lying about
    os.killpg(stack.process.pid, signal.SIGINT)
    assert stack.process.wait(timeout=30) == 0
    assert stack.left_behind() == {}


def test_a_busy_port_is_one_sentence(stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.port))
        taken.listen()
        assert f"Port {stack.port} is in use" in refusal(stack)


REFUSED = [
    ("PORT", "eighty", "PORT"),
    ("PORT", "70000", "PORT"),
    ("HOST", "no.such.host.invalid", "HOST"),
    ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none", "DATABASE_URL"),
    ("DATABASE_URL", "nonsense", "DATABASE_URL"),
    ("DATABASE_URL", "postgres://host:port/none", "DATABASE_URL"),
    ("REDIS_URL", "redis://127.0.0.1:1/0", "REDIS_URL"),
    ("REDIS_URL", "nonsense", "REDIS_URL"),
    ("REDIS_URL", "redis://127.0.0.1:port/0", "REDIS_URL"),
    ("DEBUG", "maybe", "DEBUG"),
    ("TRUSTED_PROXY_COUNT", "many", "TRUSTED_PROXY_COUNT"),
    ("TIME_ZONE", "Mars/Olympus", "TIME_ZONE"),
    ("PUBLIC_URL", "mail.example.com", "PUBLIC_URL"),
    ("SMS_GATEWAY", "pigeon", "SMS_GATEWAY"),
    ("SMS_GATEWAY", "twilio", "TWILIO_ACCOUNT_SID"),
    ("TWILIO_BASE_URL", "nonsense", "TWILIO_BASE_URL"),
    ("SMS_FILE", "/", "SMS_FILE"),
    ("ALLOWED_HOSTS", "https://mail.example.com", "ALLOWED_HOSTS"),
    ("SENTRY_DSN", "nonsense", "SENTRY_DSN"),
    ("VAR_DIR", "/dev/null/var", "VAR_DIR"),
    ("DEBUG", "0", "PUBLIC_URL"),
]


def test_a_setting_that_cannot_be_is_one_sentence_that_names_it(stack):
    sentences = refusals(stack, [{name: value} for name, value, _ in REFUSED])
    silent = [
        (name, value, sentence)
        for (name, value, word), sentence in zip(REFUSED, sentences, strict=True)
        if word not in sentence
    ]
    assert silent == []


def test_a_path_too_long_for_a_socket_a_killed_make_and_a_deleted_var_are_no_obstacle(tmp_path):
    stack = Stack(tmp_path / ("deep" * 30) / "数据 目录" / "var")
    stack.var.parent.mkdir(parents=True)
    start_by_make(stack)
    stack.stop(signal.SIGKILL)
    assert stack.left_behind(seconds=15) == {}
    shutil.rmtree(stack.var)
    stack.start()
    assert stack.stop() == 0
    assert (stack.var / "db.sqlite3").exists()
    assert stack.left_behind() == {}
