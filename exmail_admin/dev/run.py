"""`make run`: prepare the database, and run Redis, web, workers and beat in one terminal."""

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
from exmail_admin.dev.listen import ListenAddress, listen, read_address
from exmail_admin.dev.processes import Child, ChildFailed, Processes, Stopped
from exmail_admin.dev.setup import ROOT, StartRefused, load_settings, prepare_database, write_env

LOCK_SECONDS = 3
READY_SECONDS = 60
ASK_SECONDS = 0.3


def main() -> None:
    """Run until stopped. Exit with code 1 and one sentence if something fails."""
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
    """Prepare and start all processes, and keep them alive until stopped. Raise StartRefused or ChildFailed."""
    begin = time.monotonic()
    address = read_address(os.environ)
    write_env()
    set_addresses(address)
    load_settings()
    logging.disable(logging.INFO)  # only the children's logs are printed
    with run_lock(settings.VAR_DIR), listen(address) as listener:
        check_redis()
        prepare_database()
        sign_in = prepare_demo() if settings.HAS_DEMO else ""
        connections.close_all()  # before the forks
        processes = Processes(
            environment=dict(os.environ), is_over=lambda: parent is not None and os.getppid() != parent
        )
        try:
            for child in children(listener.fileno()):
                processes.start(child)
            greet(processes, address, begin=begin, sign_in=sign_in)
            while True:
                processes.keep_alive()
        except Stopped:
            processes.say("run", "Ending.")
        finally:
            processes.stop()


def set_addresses(address: ListenAddress) -> None:
    """Default PUBLIC_URL to the address, and add it to ALLOWED_HOSTS."""
    environ.Env.read_env(ROOT / ".env", overwrite=False)
    if not os.environ.get("PUBLIC_URL"):
        os.environ["PUBLIC_URL"] = address.url
    hosts = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]
    os.environ["ALLOWED_HOSTS"] = ",".join([*hosts, address.name])


@contextmanager
def run_lock(var: Path) -> Iterator[None]:
    """Lock `var` for this run, waiting for one that is ending. Raise StartRefused."""
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
    """Raise StartRefused if REDIS_URL is set but can't be reached."""
    if settings.IS_REDIS_EMBEDDED:
        return
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3).ping()
    except (redis.RedisError, OSError, ValueError) as error:
        where = urlsplit(settings.REDIS_URL)
        raise StartRefused(
            f"The Redis of REDIS_URL ({where.hostname or where.path}) can't be reached: {error}"
        ) from error


def children(listener: int) -> list[Child]:
    """Return all processes of a console. `listener` is the listening socket's file descriptor."""
    celery = ["-m", "celery", "--app", "exmail_admin", "--quiet"]
    # Hides Celery's long warning about running as root, which is normal in a container.
    quiet = ["-W", "ignore:You're running the worker"]
    gunicorn = f"-m gunicorn --config python:exmail_admin.web --bind fd://{listener} exmail_admin.wsgi"

    def worker(name: str, queues: str, *, concurrency: int) -> Child:
        options = f"worker --without-gossip --without-mingle --hostname {name}@%h --queues {queues}"
        command = [sys.executable, *quiet, *celery, *options.split(), "--concurrency", str(concurrency)]
        return Child(name, command)

    found = [
        Child("web", [sys.executable, *gunicorn.split()], pass_fds=(listener,)),
        worker("codes", "codes", concurrency=1),
        worker("sweeps", "sweeps", concurrency=1),
        worker("worker", "messages,jobs,upkeep", concurrency=2),
        Child("beat", [sys.executable, *celery, "beat"]),
    ]
    if settings.IS_REDIS_EMBEDDED:
        command = server_command(settings.REDIS_URL, settings.VAR_DIR)
        found.insert(0, Child("redis", command, is_needed_by_others=True))
    return found


def greet(processes: Processes, address: ListenAddress, *, begin: float, sign_in: str) -> None:
    """Wait until everything is ready, then print the addresses and how to sign in."""
    end = time.monotonic() + READY_SECONDS
    while not (ready := is_ready(address)) and time.monotonic() < end:
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


def is_ready(address: ListenAddress) -> bool:
    """True if our own /readyz responds with 200."""
    request = urllib.request.Request(  # noqa: S310 - always http, to ourselves
        f"{address.local_url}/readyz", headers={"Host": urlsplit(settings.PUBLIC_URL).netloc}
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
