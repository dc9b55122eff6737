"""`make run`: database, Redis, web, workers and beat in one terminal; nothing is left behind."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import environ
import redis
from django.conf import settings
from django.db import connections

from exmail_admin.demo.accounts import prepare_demo
from exmail_admin.dev.embedded_redis import server_command
from exmail_admin.dev.listen import Place, listen, read_place
from exmail_admin.dev.processes import Child, ChildFailed, Processes, Stopped
from exmail_admin.dev.setup import ROOT, StartRefused, load_settings, prepare_database, write_env

LOCK_SECONDS = 3
READY_SECONDS = 60
ASK_SECONDS = 0.3


def main() -> None:
    """Run until someone ends it; a refusal is one sentence and exit code 1."""
    parser = argparse.ArgumentParser(prog="run")
    parser.add_argument("--parent", type=int, help="end when this process, which started us, is gone")
    options = parser.parse_args()
    try:
        run(parent=options.parent)
    except (StartRefused, ChildFailed) as refusal:
        sys.exit(str(refusal))
    except KeyboardInterrupt:
        sys.exit(130)


def run(*, parent: int | None) -> None:
    """Prepare, start all parts, keep them alive. Raises StartRefused or ChildFailed; returns when asked to end."""
    begin = time.monotonic()
    place = read_place(os.environ)
    write_env()
    choose_addresses(place)
    load_settings()
    logging.disable(logging.INFO)  # here speak the children
    with lock_of_run(settings.VAR_DIR), listen(place) as listener:
        check_redis()
        prepare_database()
        sign_in = prepare_demo() if settings.HAS_DEMO else ""
        connections.close_all()  # what follows forks
        processes = Processes(
            environment=dict(os.environ), is_over=lambda: parent is not None and os.getppid() != parent
        )
        try:
            for child in parts(listener.fileno()):
                processes.start(child)
            greet(processes, place, begin=begin, sign_in=sign_in)
            while True:
                processes.keep_alive()
        except Stopped:
            processes.say("run", "Ending.")
        finally:
            processes.stop()


def choose_addresses(place: Place) -> None:
    """Put the place into the settings: PUBLIC_URL unless it is set, and the hosts we answer to."""
    environ.Env.read_env(ROOT / ".env", overwrite=False)
    if not os.environ.get("PUBLIC_URL"):
        os.environ["PUBLIC_URL"] = place.url
    hosts = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]
    os.environ["ALLOWED_HOSTS"] = ",".join([*hosts, place.name])


@contextmanager
def lock_of_run(var: Path) -> Iterator[None]:
    """Hold `var` for this run. A run that is just ending is waited for; a living one is a refusal."""
    try:
        var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"VAR_DIR ({var}) can't be made: {error.strerror}.") from error
    end = time.monotonic() + LOCK_SECONDS
    with (var / "run.lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise StartRefused(f"It runs already: another `make run` holds {var}.") from error
                time.sleep(0.1)
        yield


def check_redis() -> None:
    """A Redis of the operator's own must answer; the embedded one is ours to start."""
    if settings.IS_REDIS_EMBEDDED:
        return
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3).ping()
    except (redis.RedisError, OSError, ValueError) as error:
        where = urlsplit(settings.REDIS_URL)
        raise StartRefused(
            f"The Redis of REDIS_URL ({where.hostname or where.path}) can't be reached: {error}"
        ) from error


def parts(listener: int) -> list[Child]:
    """The programs of a whole console. `listener` is the listening socket's file descriptor."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--app", "exmail_admin", "--quiet"]
    # In a container everything runs as root; Celery's page-long warning about it would bury the rest.
    worker = [
        python[0],
        "-W",
        "ignore:You're running the worker",
        *celery[1:],
        "worker",
        "--without-gossip",
        "--without-mingle",
    ]
    children = [
        Child(
            "web",
            [
                *python,
                "gunicorn",
                "--config",
                "python:exmail_admin.web",
                "--bind",
                f"fd://{listener}",
                "exmail_admin.wsgi",
            ],
            pass_fds=(listener,),
        ),
        Child("codes", [*worker, "--hostname", "codes@%h", "--queues", "codes", "--concurrency", "1"]),
        Child("sweeps", [*worker, "--hostname", "sweeps@%h", "--queues", "sweeps", "--concurrency", "1"]),
        Child("worker", [*worker, "--hostname", "rest@%h", "--queues", "messages,jobs,upkeep", "--concurrency", "2"]),
        Child("beat", [*celery, "beat"]),
    ]
    if settings.IS_REDIS_EMBEDDED:
        children.insert(
            0, Child("redis", server_command(settings.REDIS_URL, settings.VAR_DIR), is_needed_by_others=True)
        )
    return children


def greet(processes: Processes, place: Place, *, begin: float, sign_in: str) -> None:
    """Wait until all parts answer, then say where and how to sign in."""
    end = time.monotonic() + READY_SECONDS
    while not (ready := is_ready(place)) and time.monotonic() < end:
        processes.keep_alive_for(ASK_SECONDS)
    seconds = time.monotonic() - begin
    lines = [
        f"Ready after {seconds:.1f} s."
        if ready
        else f"Not all parts answer after {seconds:.0f} s; /readyz says which.",
        f"The console: {settings.PUBLIC_URL}/",
        sign_in,
        f"The demo's phone: {settings.PUBLIC_URL}/demo/phone/" if settings.HAS_DEMO else "",
        "Ctrl-C ends it.",
    ]
    for line in filter(None, lines):
        processes.say("run", line)


def is_ready(place: Place) -> bool:
    """Ask our own /readyz once."""
    request = urllib.request.Request(  # noqa: S310 - always http, to ourselves
        f"{place.local_url}/readyz", headers={"Host": urlsplit(settings.PUBLIC_URL).netloc}
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
