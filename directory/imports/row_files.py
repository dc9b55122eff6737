"""What lies beside an upload while its import lives: the rows as the child read them, and the plan.

Both are files of lines of JSON, each beginning with the row's number, the numbers ascending. `rows` holds the cells;
`plan` the facts of those rows that are to become members: nearly all of most files, written once and read once, which
a table of the database makes four times as dear. Whatever else is said of a row is an ImportRow.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings

PLANNED = ("name", "account", "prefix", "domain", "phone", "departments", "position", "activation", "aliases")
_values = itemgetter(*PLANNED)


@dataclass(frozen=True)
class Spool:
    """The files of one import; `stored` is the stem of their names."""

    stored: str

    def path(self, kind: str) -> Path:
        return Path(settings.IMPORT_DIR) / f"{self.stored}.{kind}"

    def remove(self) -> None:
        for path in Path(settings.IMPORT_DIR).glob(f"{self.stored}.*"):
            path.unlink(missing_ok=True)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The number of each row in its sheet, and its cells. Raises FileNotFoundError."""
        return read_lines(self.path("rows"))

    def planned(self, *, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows behind `after` that are to become members, and their facts. Raises FileNotFoundError."""
        for number, *values in read_lines(self.path("plan"), after=after):
            yield number, dict(zip(PLANNED, values, strict=True))

    @contextmanager
    def drafting(self) -> Iterator[Draft]:
        """A new plan under a name of its own, so that a worker that lost its lease spoils nothing; gone at the end
        unless it was put in place."""
        path = self.path(f"{uuid.uuid4().hex[:8]}.plan")
        try:
            with path.open("wb") as file:
                yield Draft(file, path, self.path("plan"))
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Draft:
    file: IO[bytes]
    path: Path
    place: Path

    def write(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> None:
        lines = ([number, *_values(facts)] for number, facts in rows)
        self.file.writelines(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)

    def put_in_place(self) -> None:
        self.file.flush()
        self.path.replace(self.place)


class Picker:
    """Some of a file's lines, asked for in ascending order over any number of calls: the file is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._held = b""

    def pick(self, numbers: Collection[int]) -> dict[int, list[Any]]:
        """What stands behind each number; those the file doesn't have are missing."""
        found: dict[int, list[Any]] = {}
        if not numbers:
            return found
        wanted, last = set(numbers), max(numbers)
        for line in self._lines():
            number = _number(line)
            if number > last:
                self._held = line
                break
            if number in wanted:
                found[number] = orjson.loads(line)[1:]
        return found

    def _lines(self) -> Iterator[bytes]:
        self._file = self._file or self.path.open("rb")
        held, self._held = self._held, b""
        if held:
            yield held
        # `yield from` would close the file together with this generator.
        for line in self._file:  # noqa: UP028
            yield line


def read_lines(path: Path, *, after: int = 0) -> Iterator[Any]:
    with path.open("rb") as file:
        for line in file:
            if not after or _number(line) > after:
                yield orjson.loads(line)


def _number(line: bytes) -> int:
    return int(line[1 : line.index(b",")])
