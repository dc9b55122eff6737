"""`make test` and `make test-all`: on SQLite, on PostgreSQL where there is one, in a browser where there is one.

`make test` is for every day: every case once but the heavy ones, and a few stories. Of a test that a database concerns,
PostgreSQL has the first case and SQLite the further ones. `make test-all` runs every test on every database that
concerns it, as `.ci/run` does.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from exmail_admin.dev.processes import start_guard

ROOT = Path(__file__).resolve().parent.parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
POSTGRES_HINT = "install PostgreSQL (Debian: postgresql) or set TEST_DATABASE_URL"
BROWSER_HINT = "install Chromium (Debian: chromium fonts-noto-cjk)"
LEFT_OUT_WITHOUT_POSTGRESQL = "Left to `make test-all`: most stories in a browser; races, killed workers, benchmarks."
LEFT_OUT = f"{LEFT_OUT_WITHOUT_POSTGRESQL[:-1]}; each case on the other database."


@dataclass(frozen=True)
class Part:
    """One run of pytest: on the database of `url` (blank is SQLite), with the tests that `marks` choose."""

    name: str
    url: str
    marks: str


@dataclass
class Outcome:
    """What one run of pytest came to."""

    name: str
    code: int
    output: str
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        line = next((line for line in reversed(self.output.splitlines()) if COUNTED.search(line)), "")
        return Counter({word.rstrip("s") if "error" in word else word: int(n) for n, word in COUNTED.findall(line)})


def main() -> None:
    """Run the parts side by side, print each as it ends, then what was not run and one line for all.

    With `--all` every test; every other argument goes to pytest.
    """
    begin = time.monotonic()
    is_whole = "--all" in sys.argv
    guard, _ = start_guard()  # whatever ends us, no test and no server goes on
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
    has_browser = bool(find_browser())
    with postgresql(guard) as url, ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        parts = whole_parts(url) if is_whole else everyday_parts(url)
        chosen = [part for part in parts if has_browser or "stories" not in part.name]
        outcomes = list(pool.map(lambda part: run_pytest(part, guard=guard), chosen))
    missing = []
    if not url:
        missing.append(f"Not run on PostgreSQL: {POSTGRES_HINT}.")
    if not has_browser:
        missing.append(f"Not run in a browser: {BROWSER_HINT}.")
    left_out = LEFT_OUT if url else LEFT_OUT_WITHOUT_POSTGRESQL
    code = report(outcomes, missing, time.monotonic() - begin, left_out="" if is_whole else left_out)
    sys.exit(code)


def everyday_parts(url: str) -> list[Part]:
    """What `make test` runs, all on SQLite if `url`, which is PostgreSQL's, is blank. Two halves, and a little more."""
    return [
        Part(
            "PostgreSQL" if url else "SQLite, first cases",
            url,
            "not story and not (heavy or once or untouched or further)",
        ),
        Part("SQLite", "", "not story and not heavy and (once or untouched or further)"),
        Part("A few stories", url, "story and everyday and not further"),
    ]


def whole_parts(url: str) -> list[Part]:
    """What `make test-all` runs, the longest first, so that no core stands idle at the end.

    A story's further cases differ in language, size and script, which no database concerns.
    """
    parts = [
        Part("SQLite, stories", "", "story"),
        Part("PostgreSQL", url, "not story and not once and not untouched"),
        Part("SQLite", "", "not story"),
        Part("PostgreSQL, stories", url, "story and not once and not further"),
    ]
    return [part for part in parts if url or not part.name.startswith("PostgreSQL")]


def run_pytest(part: Part, *, guard: int) -> Outcome:
    """Run pytest once and print what it said."""
    begin = time.monotonic()
    environment = os.environ | {
        "DEBUG": "1",
        "SECRET_KEY": "only-for-the-tests-0123456789-abcdefghijklmnop-qrstuvw",
        "DATABASE_URL": part.url,
        "REDIS_URL": "",
        "PUBLIC_URL": "",
        "DJANGO_SETTINGS_MODULE": "exmail_admin.settings",
    }
    arguments = [argument for argument in sys.argv[1:] if argument != "--all"]
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "pytest", "-m", part.marks, "-ra", "-o", "faulthandler_timeout=180", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=guard,
    )
    outcome = Outcome(part.name, done.returncode, done.stdout, time.monotonic() - begin)
    print(f"== {part.name} ({outcome.seconds:.0f} s)\n{outcome.output}", flush=True)
    return outcome


def report(outcomes: list[Outcome], missing: list[str], seconds: float, *, left_out: str) -> int:
    """Print the last lines; return the exit code. Where CI is set, a part that could not be run is a failure."""
    total = sum((outcome.counts for outcome in outcomes), Counter())
    failed = [outcome.name for outcome in outcomes if outcome.code not in {0, 5}]  # 5: nothing was chosen
    if os.environ.get("CI") and missing:
        failed += missing
    for outcome in outcomes:
        words = ", ".join(f"{n} {word}" for word, n in sorted(outcome.counts.items())) or "nothing"
        print(f"{outcome.name}: {words} in {outcome.seconds:.0f} s")
    for sentence in filter(None, [*missing, left_out]):
        print(sentence)
    words = ", ".join(f"{n} {word}" for word, n in sorted(total.items()))
    print(f"{'FAILED' if failed else 'OK'}: {words} in {seconds:.2f}s")
    return 1 if failed else 0


def find_browser() -> str | None:
    """Chromium or Chrome on the PATH."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def postgresql(guard: int) -> Iterator[str]:
    """The URL of TEST_DATABASE_URL, else of a server of our own for this run; blank if there is no PostgreSQL."""
    binaries = find_postgresql()
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
    elif binaries:
        temporary = tempfile.TemporaryDirectory(prefix="exmail-pg-", ignore_cleanup_errors=True)
        with temporary as place, own_server(binaries, place, guard):
            yield f"postgres://postgres@{place.replace('/', '%2F')}/postgres"
    else:
        yield ""


@contextlib.contextmanager
def own_server(binaries: Path, place: str, guard: int) -> Iterator[None]:
    """A PostgreSQL that lives in `place` and listens on a socket there."""
    owner = "postgres" if os.geteuid() == 0 else None  # PostgreSQL's server refuses to be root
    if owner:
        shutil.chown(place, owner, owner)
    new = [f"{binaries}/initdb", f"--pgdata={place}/data", "--username=postgres", "--auth=trust"]
    words = [*new, "--encoding=UTF8", "--locale=C.UTF-8"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/", user=owner, group=owner)  # noqa: S603
    options = [
        "--listen_addresses=",
        f"--unix_socket_directories={place}",
        "--fsync=off",
        "--full_page_writes=off",
        "--synchronous_commit=off",
        "--wal_level=minimal",
        "--max_wal_senders=0",
        "--max_connections=200",
    ]
    with open(f"{place}/log", "wb") as log:
        server = subprocess.Popen(  # noqa: S603
            [f"{binaries}/postgres", "-D", f"{place}/data", *options],
            stdout=log,
            stderr=log,
            cwd="/",
            user=owner,
            group=owner,
            process_group=guard,
        )
    try:
        wait_for_server(binaries, place)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=30)


def wait_for_server(binaries: Path, socket_directory: str) -> None:
    """Up to half a minute."""
    for _ in range(300):
        if subprocess.run([binaries / "pg_isready", "-q", "-h", socket_directory]).returncode == 0:  # noqa: S603
            return
        time.sleep(0.1)
    sys.exit("PostgreSQL does not start.")


def find_postgresql() -> Path | None:
    """The directory of a server's programs: Debian's newest, else those on the PATH."""
    if found := sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4])):
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


if __name__ == "__main__":
    main()
