"""A workbook judged before any parser may touch it: streamed, counted, and left at the first breach of a limit.

python-calamine aborts the process on a legal 5 KB file and openpyxl hangs on it (security.md 4.1); expat, which only
tells of elements as they pass, does neither. Runs in the child process: no Django here.
"""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from directory.imports.reading.number_formats import NumberFormat, formats_by_style
from directory.imports.reading.package import (
    TYPES,
    Copy,
    Limits,
    Package,
    Refused,
    feed,
    local_name,
    main_name,
    new_parser,
    parse,
    without_blank_rows,
)
from directory.imports.reading.peek import count_headings

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# What a file of another kind begins with, and what a zip of another kind holds: spoken of by these names.
BEGINNINGS = {b"%PDF": "PDF", b"<": "HTML/XML", b"MIME-Version": "HTML"}
SHEETS_OF_2003 = b"urn:schemas-microsoft-com:office:spreadsheet"
HOLDINGS = {
    "xl/workbook.bin": ".xlsb", "word/document.xml": ".docx", "ppt/presentation.xml": ".pptx",
    "content.xml": "OpenDocument (.ods)", "mimetype": "OpenDocument (.ods)", "index/document.iwa": "Numbers",
    "index.zip": "Numbers",
}  # fmt: skip
MACRO_TYPE = "application/vnd.ms-excel.sheet.macroEnabled"
# Nobody would read a longer list; the file as a whole is refused instead.
DEAD_CELLS_MAX = 20_000
ERROR_MAX = 16
MERGES_MAX = 20_000


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
    # The formats that show more than the digits of a number; and by column and row their index in it plus 1, or 0.
    formats: list[NumberFormat] = field(default_factory=list)
    formatted: dict[int, bytearray] = field(default_factory=dict)

    def format_of(self, row: int, column: int) -> NumberFormat | None:
        marks = self.formatted[column]
        return self.formats[marks[row] - 1] if row < len(marks) and marks[row] else None


@dataclass
class Scanned:
    """`sheet` is the name of the worksheet that is read."""

    sheet: str
    others: list[str]
    facts: SheetFacts


@dataclass
class _Book:
    """What the workbook's own part says, and what it leads to."""

    root: str = ""
    is_1904: bool = False
    active: str = "0"
    sheets: list[_Sheet] = field(default_factory=list)
    strings: str = ""
    styles: str = ""


@dataclass
class _Sheet:
    name: str
    index: int
    is_visible: bool
    relation: str
    part: str = ""
    is_worksheet: bool = False


def kind_of(path: Path) -> str:
    """ "xlsx" or "text", whatever the file's name says. Raises Refused for what is known to be neither."""
    with path.open("rb") as file:
        head = file.read(2048)
    if not head:
        raise Refused("empty_file")
    if head.startswith(ZIP):
        return "xlsx"
    if head.startswith(OLE):
        raise Refused("password" if ENCRYPTED in path.read_bytes() else "old_format")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for sign, name in BEGINNINGS.items():
        if start.startswith(sign):
            raise Refused("other_format", "XML (Excel 2003)" if SHEETS_OF_2003 in start else name)
    return "text"


def scan_workbook(path: Path, limits: Limits, copy: Path, headings: Mapping[str, str]) -> Scanned:
    """What is to be parsed goes to `copy`, a plain workbook of one sheet. Raises Refused; also whatever zipfile and
    expat raise on what is no workbook at all."""
    with zipfile.ZipFile(path) as archive:
        package = Package(archive, limits)
        _refuse_other_kinds(package)
        if MACRO_TYPE.encode() in b"".join(package.read(TYPES)):
            raise Refused("macro")
        book = _book_of(package)
        chosen = _choose_sheet(Package(archive, limits), book, headings)
        styles = formats_by_style(package, book.styles)
        facts = SheetFacts(formats=list(styles.values()))
        with Copy(copy, is_1904=book.is_1904) as copied:
            roles = {chosen.part: "sheet", book.strings: "strings", book.styles: "styles"}
            _read_all(package, copied, roles, _SheetListener(facts, limits, list(styles)))
    return Scanned(chosen.name, [one.name for one in book.sheets if one is not chosen], facts)


def _choose_sheet(package: Package, book: _Book, headings: Mapping[str, str]) -> _Sheet:
    """Return the first visible worksheet with headings; the one that the program shows counts as the first."""
    visible = [one for one in book.sheets if one.is_visible and one.is_worksheet]
    if not visible:
        raise Refused("no_sheet")
    visible.sort(key=lambda one: str(one.index) != book.active)
    if len(visible) == 1:
        return visible[0]
    counts = count_headings(package, [one.part for one in visible], book.strings, headings)
    # Two headings make a table; of several tables the first is read.
    best = max(range(len(visible)), key=lambda place: min(counts[place], 2))
    return visible[best]


def _refuse_other_kinds(package: Package) -> None:
    for part, name in HOLDINGS.items():
        if part in package.parts:
            raise Refused("other_format", name)
    if TYPES not in package.parts:
        raise Refused("not_xlsx")


def _read_all(package: Package, copied: Copy, roles: dict[str, str], listener: _SheetListener) -> None:
    """Each part once; those that have a role are copied."""
    for part in package.parts:
        role, blocks = roles.get(part, ""), package.read(part)
        if role == "sheet":
            blocks = without_blank_rows(blocks)
        if role:
            blocks = copied.passing(role, blocks)
        if role == "sheet":
            parser = new_parser()
            listener.listen_to(parser)
            feed(parser, blocks)
        elif role:
            parse(blocks)
        else:
            _look_through(part, blocks)


def _look_through(part: str, blocks: Iterator[bytes]) -> None:
    """Of no use to us, and it may be no XML whatever its name says."""
    if part.endswith((".xml", ".rels")):
        with suppress(expat.ExpatError, LookupError, ValueError):
            parse(blocks)
    for _block in blocks:
        pass


def _book_of(package: Package) -> _Book:
    leads = package.relations_of("").values()
    main = next((one.part for one in leads if one.kind == "officeDocument"), "xl/workbook.xml")
    if main not in package.parts:
        raise Refused("not_xlsx")
    book = _Book()

    def on_element(name: str, attributes: dict[str, str]) -> None:
        name = main_name(name)
        book.root = book.root or name
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if local_name(key) == "id"), "")
            is_visible = attributes.get("state", "visible") == "visible"
            book.sheets.append(_Sheet(attributes.get("name", ""), len(book.sheets), is_visible, relation))
        elif name == "workbookView":
            book.active = attributes.get("activeTab", "0")
        elif name == "workbookPr":
            book.is_1904 = attributes.get("date1904") in {"1", "true"}

    parse(package.read(main), on_element)
    if book.root != "workbook":
        raise Refused("not_xlsx")
    _follow_relations(package, main, book)
    return book


def _follow_relations(package: Package, main: str, book: _Book) -> None:
    relations = package.relations_of(main)
    for sheet in book.sheets:
        relation = relations.get(sheet.relation)
        sheet.is_worksheet = relation is not None and relation.kind == "worksheet"
        sheet.part = relation.part if relation else ""
        if sheet.is_worksheet and not sheet.part:
            raise Refused("broken")
    for relation in relations.values():
        if relation.kind == "sharedStrings":
            book.strings = relation.part
        elif relation.kind == "styles":
            book.styles = relation.part


class _SheetListener:
    """Follows one worksheet. A cell counts as filled from its first `v` or `is`.

    Elements count by their local names, as the parser behind reads them, so that no namespace evades the limits. Only
    `f` counts by its place: within `c` it is a formula, in the extensions behind the cells (`xm:f`) it is none.

    Called for each of a few million elements: what is asked most comes first, and little is looked up twice.
    """

    def __init__(self, facts: SheetFacts, limits: Limits, styles: list[str]) -> None:
        # By style, the index of its format plus 1.
        self.formats = {style: number for number, style in enumerate(styles, start=1)}
        self.format = 0
        self.facts, self.limits = facts, limits
        self.cells_left = limits.cells
        self.row = self.column = 0
        self.row_text = self.kind = ""
        self.is_hidden = self.is_listening = self.is_in_cell = False
        self.numbers: dict[str, int] = {}
        self.parser: expat.XMLParserType | None = None

    def listen_to(self, parser: expat.XMLParserType) -> None:
        self.parser = parser
        # [name, value, name, value, …]: a third of the time went into making a dictionary for each element.
        parser.ordered_attributes = True
        # Bound: a tenth quicker than to call the object.
        parser.StartElementHandler = self.__call__

    def __call__(self, name: str, attributes: list[str]) -> None:
        if name == "t":
            return
        if name == "c":
            self.is_in_cell = True
            self.cells_left -= 1
            if self.cells_left < 0:
                raise Refused("cell_limit")
            # As nearly all programs write it: the place first, the kind last.
            if len(attributes) > 3 and attributes[0] == "r" and attributes[-2] == "t":
                place, self.kind = attributes[1], attributes[-1]
            else:
                named = _named(attributes)
                place, self.kind = named.get("r", ""), named.get("t", "")
            column = self.numbers.get(place.removesuffix(self.row_text))
            if column:
                self.column = column
            else:
                self._go_to(place)
            if self.formats:
                self.format = self.formats.get(_named(attributes).get("s", ""), 0)
            if self.is_listening:
                self._listen_to_text(None)
        elif name == "v" or name == "is":
            self._on_value()
        elif ":" in name:
            self(name.rpartition(":")[2], attributes)
        else:
            self._on_other(name, _named(attributes))

    def _go_to(self, place: str) -> None:
        """To a column that is new, to another row than the element's around it, or to the next column."""
        if not place:
            self.column += 1
            return
        letters = place.rstrip("0123456789")
        self.column, self.row_text = self._number(letters), place[len(letters) :]
        self.row = int(self.row_text)

    def _on_value(self) -> None:
        facts = self.facts
        if self.row != facts.last_row:
            self._on_row()
        if self.column > facts.last_column:
            self._on_column()
        if self.format:
            self._note_format()
        if self.kind == "e":
            self._note_dead("error")
            self._listen_to_text(self._name_error)
        elif facts.dead and Cell(self.row, self.column) in facts.dead:
            # openpyxl writes the value it doesn't know as an empty element.
            self._listen_to_text(self._revive)

    def _on_other(self, name: str, attributes: dict[str, str]) -> None:
        if name == "f":
            if self.is_in_cell and self.kind != "str":
                self._note_dead("formula")
            return
        self.is_in_cell = False
        if name == "row":
            self.row_text = attributes.get("r") or str(self.row + 1)
            self.row = int(self.row_text)
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

    def _note_format(self) -> None:
        marks = self.facts.formatted.setdefault(self.column, bytearray())
        if self.row >= len(marks):
            marks.extend(bytes(self.row + 1 - len(marks)))
        marks[self.row] = self.format

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
            raise Refused("broken")
        number = 0
        for letter in letters.upper():
            number = number * 26 + ord(letter) - 64
        self.numbers[letters] = number
        return number


def _named(attributes: list[str]) -> dict[str, str]:
    return dict(zip(attributes[::2], attributes[1::2], strict=True))
