"""The gateway of a first run: each message is a line of JSON appended to SMS_FILE (interface.md, "File gateway").

Several processes may append: each line is one write, a lock on the file guards a whole batch. A kill may tear the last
line; the next batch begins with a line break, so that the torn one is read by nobody.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from sms.gateways import CannotTellYet, Letter, Outcome, retry, sent


class FileGateway:
    """It can tell for certain what it wrote, so nothing of it ever stays unknown."""

    batch_size = 500

    def send(self, letters: Sequence[Letter], *, until: float) -> list[Outcome]:
        """Append the letters and flush them to disk once. What could not be written is tried again."""
        outcomes: list[Outcome] = []
        try:
            with _locked(fcntl.LOCK_EX) as descriptor:
                # Asked under the lock: whoever was stopped before it must not write after others looked for it.
                if time.monotonic() < until:
                    _append(descriptor, letters, outcomes)
        except OSError:
            pass  # a full disk, a missing right: told below
        missing = len(letters) - len(outcomes)
        return [*outcomes, *[retry(_("The file for messages can't be written."))] * missing]

    def find(self, ids: set[str]) -> set[str] | None:
        """Those that stand in the file. Raises CannotTellYet while another process holds it."""
        try:
            with _locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
                return ids.intersection(_read_ids())
        except OSError as error:
            raise CannotTellYet from error


def _append(descriptor: int, letters: Sequence[Letter], outcomes: list[Outcome]) -> None:
    _end_torn_line(descriptor)
    for letter in letters:
        if not _append_line(descriptor, _line_of(letter)):
            return
        outcomes.append(sent())
    os.fsync(descriptor)


def _append_line(descriptor: int, line: bytes) -> bool:
    """All of it or nothing: a disk that filled up in the middle must not leave a line that can be read."""
    size = os.fstat(descriptor).st_size
    if os.write(descriptor, line) == len(line):
        return True
    os.ftruncate(descriptor, size)
    return False


def _line_of(letter: Letter) -> bytes:
    at = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    line = {"id": letter.id, "to": letter.to, "kind": letter.kind, "text": letter.text, "at": at}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def _end_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")


def _read_ids() -> Iterator[str]:
    with Path(settings.SMS_FILE).open("rb") as file:
        for line in file:
            try:
                yield json.loads(line)["id"]
            except (ValueError, TypeError, KeyError):
                continue  # torn by a kill, or not ours


@contextmanager
def _locked(how: int) -> Iterator[int]:
    path = Path(settings.SMS_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)
