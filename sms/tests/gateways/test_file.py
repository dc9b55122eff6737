"""The file gateway: one line of JSON per message, with concurrent writers and killed ones."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import re
import resource
import time
from pathlib import Path

import pytest

from sms.gateways import LookupUnavailable, OutgoingSms
from sms.gateways.file import FileGateway


def outgoing(id: str = "a-1", text: str = "您好") -> OutgoingSms:
    return OutgoingSms(id, "+8613800138000", "invitation", text, "invitation", {})


def send(*batch: OutgoingSms, seconds: float = 60) -> list[str]:
    return [outcome.state for outcome in FileGateway().send(batch, until=time.monotonic() + seconds)]


def test_line_has_the_documented_format(settings):
    assert send(outgoing()) == ["sent"]
    text = Path(settings.SMS_FILE).read_text()
    assert text.endswith("\n")
    line = json.loads(text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line.pop("at"))
    assert line == {"id": "a-1", "to": "+8613800138000", "kind": "invitation", "text": "您好"}
    assert "您好" in text


def test_line_break_in_a_text_stays_within_its_line(settings):
    send(outgoing(text="one\ntwo\u2028three"))
    assert Path(settings.SMS_FILE).read_bytes().count(b"\n") == 1


def test_truncated_line_damages_no_other(settings):
    send(outgoing("a-1"))
    path = Path(settings.SMS_FILE)
    path.write_bytes(path.read_bytes() + b'{"id": "a-2", "to": "+86')
    send(outgoing("a-3"))
    assert FileGateway().find_sent({"a-1", "a-2", "a-3"}) == {"a-1", "a-3"}
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("garbage", [b"null\n", b"[]\n", b'"a-1"\n', b"\xff\xfe\n", b"{}\n", b"\n"])
def test_foreign_lines_are_skipped(settings, garbage):
    Path(settings.SMS_FILE).write_bytes(garbage)
    send(outgoing())
    assert FileGateway().find_sent({"a-1", "a-2"}) == {"a-1"}


def test_nothing_is_written_after_the_lease(settings):
    assert send(outgoing(), seconds=-1) == ["retry_wait"]
    assert Path(settings.SMS_FILE).read_bytes() == b""


def test_lookup_is_unavailable_during_a_write(settings):
    with Path(settings.SMS_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LookupUnavailable):
            FileGateway().find_sent({"a-1"})
    assert FileGateway().find_sent({"a-1"}) == set()


def test_missing_folder_is_created_and_a_failure_is_retried(settings, tmp_path):
    settings.SMS_FILE = str(tmp_path / "new" / "sms.jsonl")
    assert send(outgoing()) == ["sent"]
    settings.SMS_FILE = str(tmp_path / "new" / "sms.jsonl" / "below-a-file")
    assert send(outgoing()) == ["retry_wait"]


def write_100(name: str) -> None:
    for number in range(10):
        send(*[outgoing(f"{name}-{number}-{line}", "长" * 200) for line in range(10)])


def test_processes_write_side_by_side(settings):
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_100, args=[name]) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = [json.loads(line) for line in Path(settings.SMS_FILE).read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines) == 400


def write_on_a_full_disk(results) -> None:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    results.put(send(*[outgoing(f"a-{number}", "x" * 200) for number in range(6)]))


def test_full_disk_leaves_complete_lines_and_retries_the_rest(settings):
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    writer = fork.Process(target=write_on_a_full_disk, args=[results])
    writer.start()
    outcomes = results.get()
    writer.join()
    lines = Path(settings.SMS_FILE).read_text().splitlines()
    assert outcomes == ["sent"] * len(lines) + ["retry_wait"] * (6 - len(lines))
    assert 0 < len(lines) < 6
    assert [json.loads(line)["id"] for line in lines] == [f"a-{number}" for number in range(len(lines))]
