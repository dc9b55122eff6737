"""A workbook judged before any parser may touch it: streamed, counted, and left at the first breach of a limit.

python-calamine aborts the process on a legal 5 KB file and openpyxl hangs on it (security.md 4.1); expat, which only
tells of elements as they pass, does neither. Runs in the child process: no Django here.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

BLOCK = 64 * 1024
# Below this an entry may shrink as well as it can: a few blank rows do.
RATIO_FROM = 1024 * 1024
FORBIDDEN = {
    "macro": re.compile(r"vbaproject|/macrosheets/|/activex/|\.xlsm$", re.IGNORECASE),
    "external_links": re.compile(r"/externallinks?/", re.IGNORECASE),
    "ole": re.compile(r"/embeddings/|oleobject", re.IGNORECASE),
}
SIGNATURES = {
    b"PK\x03\x04": "xlsx",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "old_format",
}
MACRO_TYPE = "application/vnd.ms-excel.sheet.macroEnabled"
# More of these and no one would read the list; the whole file is told instead.
DEAD_CELLS_MAX = 20_000
ERROR_MAX = 16
MERGES_MAX = 20_000


class Refused(Exception):
    """The file is not read. Its text is a code of directory.importing.workbook.MESSAGES."""


class Limits(NamedTuple):
    """Settings IMPORT_…; all of them counted, none believed."""

    entries: int
    unpacked: int
    ratio: int
    rows: int
    columns: int
    cells: int


class Cell(NamedTuple):
    row: int
    column: int


@dataclass
class SheetFacts:
    """What passed by in one worksheet. Rows and columns count from 1; blank but formatted cells count as cells only."""

    rows: int = 0
    last_row: int = 0
    last_column: int = 0
    hidden_rows: int = 0
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)
    # "formula" without its value, or an error as it is shown ("error" if that is unheard of): calamine reads all as
    # blank.
    dead: dict[Cell, str] = field(default_factory=dict)


@dataclass
class Scanned:
    """`sheet` is the first visible worksheet, `place` its number among all sheets."""

    sheet: str
    place: int
    others: list[str]
    facts: SheetFacts


def kind_of(path: Path) -> str:
    """ "xlsx", "text", or the code of the refusal."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        return "empty_file"
    return next((kind for sign, kind in SIGNATURES.items() if head.startswith(sign)), "text")


def scan_workbook(path: Path, limits: Limits) -> Scanned:
    """Raises Refused; also whatever zipfile and expat raise on what is no workbook at all."""
    with zipfile.ZipFile(path) as archive:
        names = _checked_names(archive, limits)
        budget = _Budget(limits)
        if MACRO_TYPE.encode() in b"".join(budget.read(archive, names["[Content_Types].xml"])):
            raise Refused("macro")
        sheets = _sheets(archive, names, budget)
        chosen = next((one for one in sheets if one["state"] == "visible" and one["is_worksheet"]), None)
        if not chosen:
            raise Refused("no_sheet")
        facts = SheetFacts()
        for name, entry in names.items():
            if name == chosen["part"]:
                _parse(budget.read(archive, entry), _SheetListener(facts, limits))
            elif name.endswith((".xml", ".rels")):
                _parse(budget.read(archive, entry))
            else:
                for _block in budget.read(archive, entry):
                    pass
    others = [one["name"] for one in sheets if one is not chosen]
    return Scanned(chosen["name"], sheets.index(chosen), others, facts)


class _Budget:
    """How much may still be unpacked, over all entries."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.left = limits, limits.unpacked

    def read(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        unpacked = 0
        with archive.open(entry) as stream:
            while block := stream.read(BLOCK):
                unpacked += len(block)
                self.left -= len(block)
                if self.left < 0:
                    raise Refused("unpacked_too_large")
                if unpacked > RATIO_FROM and unpacked > self.limits.ratio * max(1, entry.compress_size):
                    raise Refused("ratio")
                yield block


def _checked_names(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise Refused("too_many_entries")
    _refuse_overlap(entries)
    names: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename
        if entry.flag_bits & 1:
            raise Refused("old_format")
        if name in names or name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise Refused("not_xlsx")
        for code, pattern in FORBIDDEN.items():
            if pattern.search(name):
                raise Refused(code)
        names[name] = entry
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise Refused("not_xlsx")
    return names


def _refuse_overlap(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes unpack to far more than the file holds."""
    reached = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < reached:
            raise Refused("not_xlsx")
        reached = entry.header_offset + 30 + len(entry.filename.encode()) + entry.compress_size


def _sheets(archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo], budget: _Budget) -> list[dict[str, Any]]:
    sheets: list[dict[str, Any]] = []
    targets: dict[str, tuple[str, str]] = {}

    def on_sheet(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "sheet":
            relation = next((value for key, value in attributes.items() if _local(key) == "id"), "")
            state = attributes.get("state", "visible")
            sheets.append({"name": attributes.get("name", ""), "state": state, "relation": relation})

    def on_relation(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship":
            target = attributes.get("Target", "")
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            targets[attributes.get("Id", "")] = (part, attributes.get("Type", ""))

    _parse(budget.read(archive, names["xl/workbook.xml"]), on_sheet)
    relations = names.get("xl/_rels/workbook.xml.rels")
    if relations:
        _parse(budget.read(archive, relations), on_relation)
    for sheet in sheets:
        part, kind = targets.get(sheet["relation"], ("", ""))
        sheet["part"], sheet["is_worksheet"] = part, kind.endswith("/worksheet")
        if sheet["is_worksheet"] and part not in names:
            raise Refused("not_xlsx")
    return sheets


def _parse(blocks: Iterator[bytes], on_start: Callable[[str, dict[str, str]], None] | None = None) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse_dtd
    parser.StartElementHandler = on_start
    if isinstance(on_start, _SheetListener):
        on_start.parser = parser
        # Bound: a tenth quicker than to call the object.
        parser.StartElementHandler = on_start.__call__
    for block in blocks:
        parser.Parse(block, False)
    parser.Parse(b"", True)


def _refuse_dtd(*_declared: Any) -> None:
    raise Refused("dtd")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _SheetListener:
    """Follows one worksheet. A cell counts as filled from its first `v` or `is`.

    Called for each of a few million elements: what is asked most comes first, and little is looked up twice.
    """

    def __init__(self, facts: SheetFacts, limits: Limits) -> None:
        self.facts, self.limits = facts, limits
        self.cells_left = limits.cells
        self.row = self.column = 0
        self.kind = ""
        self.is_hidden = self.is_listening = False
        self.numbers: dict[str, int] = {}
        self.parser: expat.XMLParserType | None = None

    def __call__(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self.cells_left -= 1
            if self.cells_left < 0:
                raise Refused("cell_limit")
            place = attributes.get("r")
            if place:
                letters = place.rstrip("0123456789")
                self.column = self.numbers.get(letters) or self._number(letters)
                self.row = int(place[len(letters) :])
            else:
                self.column += 1
            self.kind = attributes.get("t", "")
            if self.is_listening:
                self._listen_to_text(None)
        elif name == "v" or name == "is":
            self._on_value()
        elif name == "t":
            pass
        elif ":" in name:
            self(_local(name), attributes)
        else:
            self._on_other(name, attributes)

    def _on_value(self) -> None:
        facts = self.facts
        if self.row != facts.last_row:
            self._on_row()
        if self.column > facts.last_column:
            self._on_column()
        if self.kind == "e":
            self._note_dead("error")
            self._listen_to_text(self._name_error)
        elif facts.dead and Cell(self.row, self.column) in facts.dead:
            # openpyxl writes the value it doesn't know as an empty element.
            self._listen_to_text(self._revive)

    def _on_other(self, name: str, attributes: dict[str, str]) -> None:
        if name == "f" and self.kind != "str":
            self._note_dead("formula")
        elif name == "row":
            self.row = int(attributes.get("r") or self.row + 1)
            self.column, self.is_hidden = 0, attributes.get("hidden") in {"1", "true"}
        elif name == "col" and attributes.get("hidden") in {"1", "true"}:
            self.facts.hidden_columns.append((int(attributes.get("min", 1)), int(attributes.get("max", 1))))
        elif name == "mergeCell" and len(self.facts.merges) < MERGES_MAX:
            self.facts.merges.append(attributes.get("ref", ""))

    def _on_row(self) -> None:
        facts = self.facts
        facts.rows += 1
        facts.hidden_rows += self.is_hidden
        facts.last_row = max(facts.last_row, self.row)
        # Above the data are the headings and notes, between them may be blank rows.
        if facts.rows > self.limits.rows + 10 or self.row > self.limits.rows + 1000:
            raise Refused("row_limit")

    def _on_column(self) -> None:
        self.facts.last_column = self.column
        if self.column > self.limits.columns:
            raise Refused("column_limit")

    def _listen_to_text(self, listener: Callable[[str], None] | None) -> None:
        self.is_listening = listener is not None
        if self.parser:
            self.parser.CharacterDataHandler = listener

    def _revive(self, text: str) -> None:
        if text.strip():
            self.facts.dead.pop(Cell(self.row, self.column), None)

    def _name_error(self, text: str) -> None:
        """The error as the spreadsheet shows it, which may come in pieces."""
        cell = Cell(self.row, self.column)
        known = self.facts.dead[cell]
        whole = f"{'' if known == 'error' else known}{text.strip()}"
        if whole.startswith("#") and len(whole) <= ERROR_MAX:
            self.facts.dead[cell] = whole

    def _note_dead(self, why: str) -> None:
        if len(self.facts.dead) >= DEAD_CELLS_MAX:
            raise Refused("dead_cells")
        self.facts.dead[Cell(self.row, self.column)] = why

    def _number(self, letters: str) -> int:
        if not (letters.isascii() and letters.isalpha() and len(letters) <= 3):
            raise Refused("not_xlsx")
        number = 0
        for letter in letters.upper():
            number = number * 26 + ord(letter) - 64
        self.numbers[letters] = number
        return number
