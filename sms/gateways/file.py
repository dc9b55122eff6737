"""A gateway that appends each message to SMS_FILE as a line of JSON, for development and the demo.

Several processes may append: each line is one write, and a batch holds a lock on the file. A kill can truncate the
last line, so the next batch starts with a line break, and readers skip the broken line.
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

from sms.gateways import LookupUnavailable, Outcome, OutgoingSms, retry, sent


class FileGateway:
    """A gateway whose outcomes are never unknown, because the file tells what was written."""

    batch_size = code_batch_size = 500

    def send(self, batch: Sequence[OutgoingSms], *, until: float) -> list[Outcome]:
        """Append the batch and flush it to disk once. What could not be written is retried."""
        outcomes: list[Outcome] = []
        try:
            with _locked(fcntl.LOCK_EX) as descriptor:
                # Under the lock: a process suspended before it must not write after `find_sent` of another.
                if time.monotonic() < until:
                    _append(descriptor, batch, outcomes)
        except OSError:
            pass  # full disk or missing permission: the rest is retried
        missing = len(batch) - len(outcomes)
        return [*outcomes, *[retry(_("The SMS file can't be written."))] * missing]

    def find_sent(self, ids: set[str]) -> set[str] | None:
        """Return the ids found in the file. Raise LookupUnavailable while another process holds the lock."""
        try:
            with _locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
                return ids.intersection(_read_ids())
        except OSError as error:
            raise LookupUnavailable from error


def _append(descriptor: int, batch: Sequence[OutgoingSms], outcomes: list[Outcome]) -> None:
    _end_torn_line(descriptor)
    for outgoing in batch:
        if not _append_line(descriptor, _line_of(outgoing)):
            return
        outcomes.append(sent())
    os.fsync(descriptor)


def _append_line(descriptor: int, line: bytes) -> bool:
    """Append the whole line or nothing. Return False if the disk is full."""
    size = os.fstat(descriptor).st_size
    if os.write(descriptor, line) == len(line):
        return True
    os.ftruncate(descriptor, size)
    return False


def _line_of(outgoing: OutgoingSms) -> bytes:
    at = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    line = {"id": outgoing.id, "to": outgoing.to, "kind": outgoing.kind, "text": outgoing.text, "at": at}
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
                continue  # truncated by a kill, or not ours


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
