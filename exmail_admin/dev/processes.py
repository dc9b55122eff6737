"""Run child processes in one terminal: prefix their lines, restart them, and leave none behind."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

STOP_SECONDS = 5
QUICK_SECONDS = 10
QUICK_DEATHS = 5
PR_SET_PDEATHSIG = 1
COLOURS = ("36", "32", "33", "35", "34", "31")


class Stopped(Exception):
    """The run was stopped by Ctrl-C, TERM, or the end of the parent process."""


class ChildFailed(Exception):
    """A child can't be kept alive."""


@dataclass(eq=False)
class Child:
    """A child process and its state. Those that others need are stopped last."""

    name: str
    command: list[str]
    pass_fds: tuple[int, ...] = ()
    is_needed_by_others: bool = False
    process: subprocess.Popen[bytes] | None = None
    output: int = -1
    started_at: float = 0.0
    quick_deaths: int = 0
    start_again_at: float = 0.0
    unfinished_line: bytes = field(default=b"", repr=False)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Processes:
    """Children in one process group, whose leader (the guard) kills the group once our end of its pipe closes.

    So no process outlives us, even after KILL. On Linux, children also get the kernel's parent-death signal.
    """

    def __init__(self, *, environment: dict[str, str], is_over: Callable[[], bool] = lambda: False) -> None:
        """`is_over` is polled; everything ends once it returns True."""
        self.environment = environment
        self.is_over = is_over
        self.children: list[Child] = []
        self.selector = selectors.DefaultSelector()
        self.signals = 0
        self.guard, self._pipe = start_guard()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count_signal)

    def start(self, child: Child) -> None:
        """Start a child, which `keep_alive` restarts."""
        if child not in self.children:
            self.children.append(child)
        child.output, writer = os.pipe()
        child.process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            env=self.environment,
            pass_fds=child.pass_fds,
            process_group=self.guard,
            preexec_fn=die_with(os.getpid()),
        )
        os.close(writer)
        os.set_blocking(child.output, False)
        self.selector.register(child.output, selectors.EVENT_READ, child)
        child.started_at = time.monotonic()

    def keep_alive(self) -> None:
        """Print output for up to 0.2 s and restart dead children. Raise Stopped or ChildFailed."""
        self._turn()
        for child in self.children:
            if child.process is not None and not child.is_alive:
                self._note_death(child, child.process.returncode)
            if child.process is None and time.monotonic() >= child.start_again_at:
                self.start(child)

    def keep_alive_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.keep_alive()

    def stop(self) -> None:
        """Terminate all children; kill those that are alive after STOP_SECONDS or at a second Ctrl-C.

        Kill them at once if `is_over`: nobody waits for us, and none loses data.
        """
        signals, end = self.signals, time.monotonic() + STOP_SECONDS
        if not self.is_over():
            for is_needed in (False, True):
                children = [child for child in self.children if child.is_needed_by_others is is_needed]
                self._terminate(children, until=lambda: time.monotonic() >= end or self.signals != signals)
        with suppress(ProcessLookupError, ChildProcessError):  # the guard was killed
            os.killpg(self.guard, signal.SIGKILL)
            os.waitpid(self.guard, 0)

    def _terminate(self, children: list[Child], *, until: Callable[[], bool]) -> None:
        for child in children:
            if child.process and child.is_alive:
                child.process.terminate()
        while any(child.is_alive for child in children) and not until():
            self._print_output()

    def say(self, name: str, line: str) -> None:
        """Print a line, prefixed with the name."""
        name = f"{name:<8}"
        if sys.stdout.isatty():
            name = f"\033[{COLOURS[sum(name.encode()) % len(COLOURS)]}m{name}\033[0m"
        try:
            print(name, "|", line, flush=True)
        except BrokenPipeError:  # as in `make run | head`
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - stays open until we exit
            self.signals += 1

    def _turn(self) -> None:
        self._print_output()
        if self.signals or self.is_over():
            raise Stopped
        if os.waitpid(self.guard, os.WNOHANG) != (0, 0):
            raise ChildFailed("The guard of the processes was killed; without it nothing may run.")

    def _print_output(self) -> None:
        for key, _ in self.selector.select(timeout=0.2):
            self._read(key.data)

    def _read(self, child: Child) -> bool:
        """Print what is in the child's pipe. Return False if it is empty."""
        try:
            chunk = os.read(child.output, 65536)
        except BlockingIOError:
            return False
        *lines, child.unfinished_line = (child.unfinished_line + chunk).split(b"\n")
        for line in lines:
            self.say(child.name, line.decode(errors="replace"))
        if not chunk:
            self.selector.unregister(child.output)
        return bool(chunk)

    def _close(self, child: Child) -> None:
        """Print the rest of the output and close the pipe, whose other end a grandchild may still have open."""
        while child.output in self.selector.get_map() and self._read(child):
            pass
        if child.output in self.selector.get_map():
            self.selector.unregister(child.output)
        os.close(child.output)
        child.unfinished_line = b""

    def _note_death(self, child: Child, code: int) -> None:
        """Schedule the restart, with exponential backoff for quick deaths. Raise ChildFailed after QUICK_DEATHS."""
        self._close(child)
        is_quick = time.monotonic() - child.started_at < QUICK_SECONDS
        child.quick_deaths = child.quick_deaths + 1 if is_quick else 1
        if child.quick_deaths >= QUICK_DEATHS:
            raise ChildFailed(f"{child.name} ends as soon as it starts; its last lines above say why.")
        child.process = None
        child.start_again_at = time.monotonic() + 2 ** (child.quick_deaths - 1) - 1
        self.say(child.name, f"ended with code {code}; starting it again")

    def _count_signal(self, number: int, frame: object) -> None:
        self.signals += 1


def start_guard() -> tuple[int, int]:
    """Fork the leader of the children's process group. Return its id and our end of its pipe.

    The guard inherits our files, in particular the lock of the run: the next run starts once all children are gone.
    """
    reader, writer = os.pipe()
    guard = os.fork()
    if guard:
        os.close(reader)
        os.setpgid(guard, guard)
        return guard, writer
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.close(writer)
    os.read(reader, 1)
    os.killpg(0, signal.SIGKILL)
    os._exit(0)


def die_with(parent: int) -> Callable[[], None] | None:
    """Return a `preexec_fn` that asks Linux to kill the child when its parent dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
