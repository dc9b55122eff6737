"""The files beside an upload while its import lives: the `rows` as the reader process read them, `plan` and `index`.

The first two are lines of JSON that begin with the row's number, in ascending order. The plan holds the data of the
members that are to be created: nearly all rows of most files, at a quarter of the cost of a database table. Whatever
else is known of a row is an ImportRow. The index (directory.imports.preview.index) finds the rows of a page.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings

from directory.imports.preview.index import NEW, NOT_PLANNED, IndexBuilder, Position, RowIndex
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

    def rows(self, *, after: int, count: int) -> Iterator[StoredLine]:
        """Yield the rows beyond `after` as the reader process wrote them, of which there were `count`.

        Raises FileNotFoundError, at the end if the file was cut.
        """
        left = count
        for number, cells, *originals in read_lines(self.path("rows"), after=after):
            left -= 1
            yield number, cells, originals[0] if originals else ()
        if left > 0:
            raise FileNotFoundError(self.path("rows"))

    def planned(self, *, after: int = 0) -> Iterator[tuple[int, MemberData]]:
        """Yield number and data of the planned rows beyond `after`. Raises FileNotFoundError."""
        for number, *values in read_lines(self.path("plan"), after=after):
            yield number, data_of_plan(values)

    def planned_rows(self, numbers: Collection[int]) -> dict[int, MemberData]:
        """Return the data of those of these rows that were to become members. Raises FileNotFoundError."""
        if not numbers:
            return {}
        with self.index() as index:
            return self.planned_at(index.find(NEW, numbers))

    def planned_at(self, positions: Iterable[Position]) -> dict[int, MemberData]:
        """Return the data of the planned rows at these positions, by number. Raises FileNotFoundError.

        Rows whose line is not there are missing: the plan was replaced since the index was read.
        """
        found = {}
        with self.path("plan").open("rb") as file:
            for number, offset in positions:
                file.seek(max(0, offset))
                line = file.readline()
                if offset != NOT_PLANNED and line.startswith(b"[%d," % number):
                    found[number] = data_of_plan(orjson.loads(line)[1:])
        return found

    @contextmanager
    def index(self) -> Iterator[RowIndex]:
        """Open the index of the plan. Raises FileNotFoundError, also for one that a full disk has cut."""
        with self.path("index").open("rb") as file:
            try:
                index = RowIndex(file)
            except ValueError as error:
                raise FileNotFoundError(file.name) from error
            yield index

    @contextmanager
    def draft(self) -> Iterator[RowFiles]:
        """Yield files under a temporary name, so that a worker that lost its lease spoils nothing.

        Those that have not been moved away at the end are deleted.
        """
        draft = RowFiles(f"{self.stored}.{uuid.uuid4().hex[:8]}")
        try:
            yield draft
        finally:
            draft.remove()

    def remove_drafts(self) -> None:
        """Remove what a killed process has left."""
        _remove(f"{self.stored}.*.*")

    @contextmanager
    def plan_writer(self) -> Iterator[PlanWriter]:
        """Write a new plan, which is deleted at the end unless it was published."""
        with self.draft() as draft, draft.path("plan").open("wb") as file:
            yield PlanWriter(file, draft, self)


@dataclass
class PlanWriter:
    """Writes the plan and its index. `draft` are the files while they are written, `files` where they are published."""

    file: IO[bytes]
    draft: RowFiles
    files: RowFiles
    index: IndexBuilder = field(default_factory=IndexBuilder)
    _size: int = 0

    def write(self, rows: Iterable[tuple[int, str, MemberData | None]]) -> None:
        """Add rows in the order of the sheet: number, verdict, and the data of those that are to become members."""
        lines = []
        for number, verdict, data in rows:
            if data is None:
                self.index.add(number, verdict)
                continue
            line = orjson.dumps([number, *data], option=orjson.OPT_APPEND_NEWLINE)
            self.index.add(number, verdict, self._size)
            self._size += len(line)
            lines.append(line)
        self.file.writelines(lines)

    def publish(self, departments: Sequence[str] = ()) -> None:
        """Put plan and index in the place of earlier ones; `departments` are the paths that would be created."""
        self.file.flush()
        with self.draft.path("index").open("wb") as index:
            self.index.write(index, departments)
        for kind in ("index", "plan"):
            self.draft.path(kind).replace(self.files.path(kind))


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
