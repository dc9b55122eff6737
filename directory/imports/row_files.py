"""The files beside an upload while its import lives: `rows`, the cells as the reader process read them, and `plan`.

Both are lines of JSON that begin with the row's number, in ascending order. The plan holds the data of the members that
are to be created: nearly all rows of most files, written once and read once, at a quarter of the cost of a database
table. Whatever else is known of a row is an ImportRow.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings

from directory.members.data import FIELDS, MemberData

# The number of a row in its sheet, its cells, and by their index the texts of those that the reader process understood
# as another text.
StoredLine = tuple[int, list[Any], Sequence[tuple[int, str]]]


@dataclass(frozen=True)
class RowFiles:
    """The files of one import; `stored` is the stem of their names."""

    stored: str

    def path(self, kind: str) -> Path:
        return Path(settings.IMPORT_DIR) / f"{self.stored}.{kind}"

    def remove(self) -> None:
        _remove(f"{self.stored}.*")

    def rows(self) -> Iterator[StoredLine]:
        """Yield the rows as the reader process wrote them. Raises FileNotFoundError."""
        return read_rows(self.path("rows"))

    def planned(self, *, after: int = 0) -> Iterator[tuple[int, MemberData]]:
        """Yield number and data of the planned rows beyond `after`. Raises FileNotFoundError."""
        for number, *values in read_lines(self.path("plan"), after=after):
            yield number, data_of_plan(values)

    @contextmanager
    def temporary(self, kind: str) -> Iterator[Path]:
        """Yield a path of its own for a new file, so that a worker that lost its lease spoils nothing.

        What has not been moved away at the end is deleted, with all that lies beside it.
        """
        stem = f"{self.stored}.{uuid.uuid4().hex[:8]}"
        try:
            yield Path(settings.IMPORT_DIR) / f"{stem}.{kind}"
        finally:
            _remove(f"{stem}.*")

    def remove_temporary(self) -> None:
        """Remove what a killed process has left."""
        _remove(f"{self.stored}.*.*")

    @contextmanager
    def plan_writer(self) -> Iterator[PlanWriter]:
        """Write a new plan, which is deleted at the end unless it was published."""
        with self.temporary("plan") as path, path.open("wb") as file:
            yield PlanWriter(file, path, self.path("plan"))


@dataclass(frozen=True)
class PlanWriter:
    file: IO[bytes]
    path: Path
    target: Path

    def write(self, rows: Iterable[tuple[int, MemberData]]) -> None:
        lines = ([number, *data] for number, data in rows)
        self.file.writelines(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)

    def publish(self) -> None:
        self.file.flush()
        self.path.replace(self.target)


class LineReader:
    """Reads some of a file's lines: the file is read once if they are asked for in ascending order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._pending = b""

    def pick(self, numbers: Collection[int]) -> dict[int, list[Any]]:
        """Return the values of each line by number; numbers that the file lacks are missing."""
        found: dict[int, list[Any]] = {}
        if not numbers:
            return found
        wanted, last = set(numbers), max(numbers)
        for line in self._lines():
            number = _number(line)
            if number > last:
                self._pending = line
                break
            if number in wanted:
                found[number] = orjson.loads(line)[1:]
        return found

    def _lines(self) -> Iterator[bytes]:
        self._file = self._file or self.path.open("rb")
        pending, self._pending = self._pending, b""
        if pending:
            yield pending
        # `yield from` would close the file together with this generator.
        for line in self._file:  # noqa: UP028
            yield line


def data_of_plan(values: Iterable[Any]) -> MemberData:
    """Return the data of a planned row from the values of its line."""
    return MemberData.from_row(dict(zip(FIELDS, values, strict=True)))


def read_rows(path: Path) -> Iterator[StoredLine]:
    for number, cells, *originals in read_lines(path):
        yield number, cells, originals[0] if originals else ()


def read_lines(path: Path, *, after: int = 0) -> Iterator[Any]:
    with path.open("rb") as file:
        for line in file:
            if not after or _number(line) > after:
                yield orjson.loads(line)


def _remove(pattern: str) -> None:
    for path in Path(settings.IMPORT_DIR).glob(pattern):
        path.unlink(missing_ok=True)


def _number(line: bytes) -> int:
    return int(line[1 : line.index(b",")])
