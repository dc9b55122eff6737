"""Look at the first rows of the sheets of a workbook, to read the one that has headings.

Runs in the child process: no Django here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from xml.parsers import expat

from directory.imports.reading.package import Package, feed, main_name, new_parser
from directory.imports.reading.titles import HEADING_ROWS, count_columns

# The text of a cell, or its index among the shared strings.
Title = str | int


class _Enough(Exception):
    """The rest of the part is of no interest."""


def count_headings(package: Package, sheets: Iterable[str], strings: str, headings: Mapping[str, str]) -> list[int]:
    """Return for each part of a sheet how many columns the row of its first ten names that names most."""
    peeked = [_first_titles(package, part) for part in sheets]
    wanted = {title for rows in peeked for row in rows for title in row if isinstance(title, int)}
    shared = _shared_strings(package, strings, wanted)
    return [
        max((count_columns([shared.get(title, str(title)) for title in row], headings) for row in rows), default=0)
        for rows in peeked
    ]


class _TextListener:
    """Follows the texts of a part, without the readings of East Asian words (`rPh`)."""

    def __init__(self, on_start: Callable[[str, dict[str, str]], None], on_end: Callable[[str, str], None]) -> None:
        self.on_start, self.on_end = on_start, on_end
        self.text = ""
        self.is_text = self.is_reading = False

    def read(self, package: Package, part: str) -> None:
        """Read until a listener has enough. A part that is broken further on is judged by the scan."""
        parser = new_parser(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._add
        with suppress(_Enough, expat.ExpatError, ValueError, LookupError):
            feed(parser, package.read(part))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = main_name(name)
        self.is_reading = self.is_reading or name == "rPh"
        self.is_text = name in {"t", "v"} and not self.is_reading
        if name in {"c", "si"}:
            self.text = ""
        self.on_start(name, attributes)

    def _end(self, name: str) -> None:
        name = main_name(name)
        self.is_text = False
        self.is_reading = self.is_reading and name != "rPh"
        self.on_end(name, self.text)

    def _add(self, text: str) -> None:
        if self.is_text:
            self.text += text


def _first_titles(package: Package, part: str) -> list[list[Title]]:
    rows: list[list[Title]] = []
    kind = ""

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal kind
        if name == "row":
            if len(rows) == HEADING_ROWS or int(attributes.get("r", 1)) > HEADING_ROWS:
                raise _Enough
            rows.append([])
        elif name == "c":
            kind = attributes.get("t", "")

    def on_end(name: str, text: str) -> None:
        if name == "c" and rows and text:
            rows[-1].append(int(text) if kind == "s" else text)

    _TextListener(on_start, on_end).read(package, part)
    return rows


def _shared_strings(package: Package, part: str, wanted: set[int]) -> dict[Title, str]:
    found: dict[Title, str] = {}
    index = -1
    last = max(wanted, default=-1)

    def on_start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal index
        if name == "si":
            index += 1
            if index > last:
                raise _Enough

    def on_end(name: str, text: str) -> None:
        if name == "si" and index in wanted:
            found[index] = text

    if wanted and part in package.parts:
        _TextListener(on_start, on_end).read(package, part)
    return found
