"""`make test` and `make test-all`: run pytest on SQLite, on PostgreSQL and in a browser.

`make test` is for every day: every case once except the slow ones, and a few end-to-end tests. Of a test that uses a
database, the first case runs on PostgreSQL and the others on SQLite. `make test-all`, which `.ci/run` calls, runs every
test on every database that matters to it.
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
E2E = "exmail_admin/tests/e2e"
SIDE_BY_SIDE = 2  # runs of pytest: one for each database
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
POSTGRES_HINT = "install PostgreSQL (Debian: postgresql) or set TEST_DATABASE_URL"
BROWSER_HINT = "install Chromium (Debian: chromium fonts-noto-cjk)"
LEFT_OUT_WITHOUT_POSTGRESQL = "Left to `make test-all`: most end-to-end tests; races, killed workers, benchmarks."
LEFT_OUT = f"{LEFT_OUT_WITHOUT_POSTGRESQL[:-1]}; each case on the other database."


@dataclass(frozen=True)
class Part:
    """A run of pytest: the tests that `marks` select, on the database of `url` (blank: SQLite)."""

    name: str
    url: str
    marks: str
    is_in_browser: bool = False


@dataclass
class Outcome:
    """The exit code and the output of a run of pytest."""

    name: str
    code: int
    output: str
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        line = next((line for line in reversed(self.output.splitlines()) if COUNTED.search(line)), "")
        return Counter({word.rstrip("s") if "error" in word else word: int(n) for n, word in COUNTED.findall(line)})

    @property
    def has_failed(self) -> bool:
        return self.code not in {0, 5}  # 5: no test was selected


def main() -> None:
    """Run the parts, print the output of each as it ends, then what was not run and the totals.

    `--all` selects every test; other arguments go to pytest.
    """
    begin = time.monotonic()
    is_whole = "--all" in sys.argv
    guard, _ = start_guard()  # ends the tests and the server, however this process ends
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
    has_browser = bool(find_browser())
    with postgresql(guard) as url, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        parts = whole_parts(url) if is_whole else everyday_parts(url)
        chosen = [part for part in parts if has_browser or not part.is_in_browser]
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
    """Return the parts of `make test`; `url` is PostgreSQL's, and blank without one."""
    return [
        Part(
            "PostgreSQL" if url else "SQLite, first cases",
            url,
            "not e2e and not (slow or sqlite_only or no_db or extra_case)",
        ),
        Part("SQLite", "", "not e2e and not slow and (sqlite_only or no_db or extra_case)"),
        Part("Smoke", url, "e2e and smoke and not extra_case", is_in_browser=True),
    ]


def whole_parts(url: str) -> list[Part]:
    """Return the parts of `make test-all`, the longest first, so that no core is idle at the end.

    The end-to-end tests are divided between the databases: the first case of each runs on PostgreSQL; further cases,
    which differ in language, size or script, and the smoke tests run on SQLite.
    """
    if not url:
        return [Part("SQLite, end to end", "", "e2e", is_in_browser=True), Part("SQLite", "", "not e2e")]
    return [
        Part("PostgreSQL, end to end", url, "e2e and not sqlite_only and not extra_case", is_in_browser=True),
        Part("SQLite, end to end", "", "e2e and (sqlite_only or extra_case or smoke)", is_in_browser=True),
        Part("PostgreSQL", url, "not e2e and not sqlite_only and not no_db"),
        Part("SQLite", "", "not e2e"),
    ]


def run_pytest(part: Part, *, guard: int) -> Outcome:
    """Run pytest and print its output.

    pytest-xdist divides a part where there are more cores than parts side by side. The end-to-end tests of a part share
    one console, so that they stay together.
    """
    begin = time.monotonic()
    environment = os.environ | {
        "DEBUG": "1",
        "SECRET_KEY": "only-for-the-tests-0123456789-abcdefghijklmnop-qrstuvw",
        "DATABASE_URL": part.url,
        "REDIS_URL": "",
        "PUBLIC_URL": "",
        "DJANGO_SETTINGS_MODULE": "exmail_admin.settings",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling all modules again in every process takes seconds
    workers = 1 if part.is_in_browser else (os.cpu_count() or 1) // SIDE_BY_SIDE
    arguments = ["-m", part.marks, "-ra", "-o", "faulthandler_timeout=180"]
    arguments += [f"--numprocesses={workers}"] if workers > 1 else []
    # Collecting all tests takes seconds, and these stand in one folder.
    arguments += [E2E] if part.is_in_browser else [f"--ignore={E2E}"]
    arguments += [argument for argument in sys.argv[1:] if argument != "--all"]
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "pytest", *arguments],
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
    """Print the last lines and return the exit code. Where CI is set, a part that could not run is a failure."""
    has_failed = any(outcome.has_failed for outcome in outcomes) or bool(os.environ.get("CI") and missing)
    for outcome in outcomes:
        print(f"{outcome.name}: {show_counts(outcome.counts) or 'nothing'} in {outcome.seconds:.0f} s")
    for sentence in filter(None, [*missing, left_out]):
        print(sentence)
    total = sum((outcome.counts for outcome in outcomes), Counter())
    print(f"{'FAILED' if has_failed else 'OK'}: {show_counts(total)} in {seconds:.2f}s")
    return 1 if has_failed else 0


def show_counts(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {word}" for word, n in sorted(counts.items()))


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def postgresql(guard: int) -> Iterator[str]:
    """Yield TEST_DATABASE_URL, or the URL of a server started for this run, or "" if PostgreSQL is not installed."""
    programs = find_postgresql()
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
    elif programs:
        temporary = tempfile.TemporaryDirectory(prefix="exmail-pg-", ignore_cleanup_errors=True)
        with temporary as folder, own_server(programs, folder, guard):
            yield f"postgres://postgres@{folder.replace('/', '%2F')}/postgres"
    else:
        yield ""


@contextlib.contextmanager
def own_server(programs: Path, folder: str, guard: int) -> Iterator[None]:
    """Run a PostgreSQL that keeps its files in `folder`, listens on a socket there, and forgets them at its end."""
    owner = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if owner:
        shutil.chown(folder, owner, owner)
    words = [f"{programs}/initdb", f"--pgdata={folder}/data", "--username=postgres", "--auth=trust", "--no-sync"]
    words += ["--encoding=UTF8", "--locale=C.UTF-8"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/", user=owner, group=owner)  # noqa: S603
    options = [
        "--listen_addresses=",
        f"--unix_socket_directories={folder}",
        "--fsync=off",
        "--full_page_writes=off",
        "--synchronous_commit=off",
        "--wal_level=minimal",
        "--max_wal_senders=0",
        "--max_connections=200",
        "--autovacuum=off",
        "--jit=off",
    ]
    with open(f"{folder}/log", "wb") as log:
        server = subprocess.Popen(  # noqa: S603
            [f"{programs}/postgres", "-D", f"{folder}/data", *options],
            stdout=log,
            stderr=log,
            cwd="/",
            user=owner,
            group=owner,
            process_group=guard,
        )
    try:
        wait_for_server(programs, folder)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=30)


def wait_for_server(programs: Path, folder: str) -> None:
    """Wait up to 30 seconds until the server answers."""
    for _ in range(300):
        if subprocess.run([programs / "pg_isready", "-q", "-h", folder]).returncode == 0:  # noqa: S603
            return
        time.sleep(0.1)
    sys.exit("PostgreSQL does not start.")


def find_postgresql() -> Path | None:
    """Return the folder of the server's programs: Debian's newest, or the one on the PATH."""
    if found := sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4])):
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


if __name__ == "__main__":
    main()
