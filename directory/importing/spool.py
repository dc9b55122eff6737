"""What lies beside an upload while its import lives: the rows as the child read them, and the plan.

Both are files of lines of JSON, each beginning with the row's number, the numbers ascending. `rows` holds the cells;
`plan` the facts of those rows that are to become members: nearly all of most files, written once and read once, which
a table of the database makes four times as dear. Whatever else is said of a row is an ImportRow.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from django.conf import settings

PLANNED = ("name", "account", "prefix", "domain", "phone", "departments", "position", "activation", "aliases")
_decode = json.JSONDecoder().raw_decode
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
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
            with path.open("w", encoding="utf-8") as file:
                yield Draft(file, path, self.path("plan"))
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Draft:
    file: IO[str]
    path: Path
    place: Path

    def write(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> None:
        self.file.writelines(f"{_encode([number, *_values(facts)])}\n" for number, facts in rows)

    def put_in_place(self) -> None:
        self.file.flush()
        self.path.replace(self.place)


class Picker:
    """Some of a file's lines, asked for in ascending order over any number of calls: the file is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None
        self._held = ""

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
                found[number] = _decode(line)[0][1:]
        return found

    def _lines(self) -> Iterator[str]:
        self._file = self._file or self.path.open(encoding="utf-8")
        held, self._held = self._held, ""
        if held:
            yield held
        # `yield from` would close the file together with this generator.
        for line in self._file:  # noqa: UP028
            yield line


def read_lines(path: Path, *, after: int = 0) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not after or _number(line) > after:
                yield _decode(line)[0]


def _number(line: str) -> int:
    return int(line[1 : line.index(",")])
