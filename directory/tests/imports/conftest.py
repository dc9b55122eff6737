"""Separate files for each test, and workbooks read without starting a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from directory.imports.reading import process, reader
from directory.imports.reading.headings import find_heading


@pytest.fixture(autouse=True)
def _import_dir(settings, tmp_path):
    settings.IMPORT_DIR = tmp_path / "imports"
    # A busy machine changes nothing.
    settings.IMPORT_ANSWER_SECONDS = 60


def read_in_process(file: Path, spool: Path, *, is_csv: bool, **_limits: Any) -> dict[str, Any]:
    return json.loads(json.dumps(process.read(reader._limits(is_csv), file, spool)))


@pytest.fixture(autouse=True)
def _reader_in_process(request, monkeypatch):
    """Read workbooks in this process: a start of the reader takes longer than most tests of a file's content.

    The mark `reader_process` keeps the limited process of production, for tests of its limits and of its end.
    """
    if not request.node.get_closest_marker("reader_process"):
        monkeypatch.setattr(reader, "_ask_child", read_in_process)


@pytest.fixture
def read_table(tmp_path):
    """`read_table(content, name)`: the cells of each row below the headings, by column. Raises WorkbookRefused."""

    def read(content: bytes, name: str = "members.csv") -> list[dict[str, Any]]:
        file = tmp_path / "upload"
        file.write_bytes(content)
        lines = list(reader.read_workbook(file, tmp_path / "rows", name=name).lines())
        heading = find_heading(lines, is_update=False)
        return [heading.values(cells) for number, cells in lines if number > heading.row]

    return read
