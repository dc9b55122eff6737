"""The parts of a workbook, found by its relationships, and repacked for the parser.

Programs differ in how they name, place, encode and pack the parts (ECMA-376 part 2 allows a lot, and more is written).
What the parser is given is always the same: one sheet, its strings and its styles, as UTF-8, under the usual names.
Runs in the child process: no Django here.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import unquote
from xml.parsers import expat

BLOCK = 64 * 1024
# Below this an entry may shrink as well as it can: a few blank rows do.
RATIO_FROM = 1024 * 1024
TYPES = "[content_types].xml"
FORBIDDEN = {
    "macro": re.compile(r"vbaproject|/macrosheets/|/activex/|\.xlsm$"),
    "external_links": re.compile(r"/externallinks?/"),
    "ole": re.compile(r"/embeddings/|oleobject"),
}
# By its mark, or by the zero beside the first "<".
UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
DECLARATION = re.compile(r"\A\ufeff?<\?xml\s[^>]*\?>")
DIMENSION = re.compile(rb"<(?:\w+:)?dimension\b[^>]*>(?:</(?:\w+:)?dimension>)?")
ERROR = re.compile(rb"(?<=v>)#(?:[^<a-z0-9 ]{1,30}[!?]|GETTING_DATA)")
PARSER_ERRORS = {b"#NULL!", b"#REF!", b"#NAME?", b"#NUM!", b"#VALUE!"}
# Rows of blank cells that state their places, before another that does: leaving them out moves nothing.
BLANK_ROW = re.compile(rb'<row r="\d+"[^<>]*(?:/>|>(?:<c r="[A-Z]+\d+"[^<>]*/>)*</row>)(?=<row r="|</sheetData>)')
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

OnStart = Callable[[str, dict[str, str]], None]


class Refused(Exception):
    """The file is not read. `code` is a key of directory.imports.reading.reader.MESSAGES, `names` what it speaks of."""

    def __init__(self, code: str, names: str = "") -> None:
        super().__init__(code)
        self.code, self.names = code, names


class Limits(NamedTuple):
    """Settings IMPORT_…; all of them counted, none believed."""

    entries: int
    unpacked: int
    ratio: int
    rows: int
    columns: int
    cells: int


class Relation(NamedTuple):
    """`kind` is the last word of its type, `part` the name of what it leads to; "" if that is not in the file."""

    kind: str
    part: str


class Package:
    """`parts` by their names in lower case, which compare as such; what is read counts against the limits."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.left = limits.unpacked
        self.parts = _checked_parts(archive, limits)

    def read(self, part: str) -> Iterator[bytes]:
        entry, unpacked = self.parts[part], 0
        with self.archive.open(entry) as stream:
            while block := stream.read(BLOCK):
                unpacked += len(block)
                self.left -= len(block)
                if self.left < 0:
                    raise Refused("unpacked_too_large")
                if unpacked > RATIO_FROM and unpacked > self.limits.ratio * max(1, entry.compress_size):
                    raise Refused("ratio")
                yield block

    def relations_of(self, source: str) -> dict[str, Relation]:
        """By their ids; "" is the source of those of the whole package."""
        relations: dict[str, Relation] = {}

        def on_relation(name: str, attributes: dict[str, str]) -> None:
            if local_name(name) == "Relationship":
                kind = attributes.get("Type", "").rpartition("/")[2]
                relations[attributes.get("Id", "")] = Relation(kind, self._find(source, attributes.get("Target", "")))

        folder, name = posixpath.split(source)
        part = posixpath.join(folder, "_rels", f"{name}.rels")
        if part in self.parts:
            parse(self.read(part), on_relation)
        return relations

    def _find(self, source: str, target: str) -> str:
        target = _part_name(unquote(target))
        place = posixpath.normpath(posixpath.join("/", posixpath.dirname(source), target)).lstrip("/")
        # Some write the path from the root and forget the stroke before it.
        return next((part for part in (place, target) if part in self.parts), "")


class Copy:
    """The parts that are parsed, beside the upload: stored, not packed, for they are read once and soon."""

    NAMES = {"sheet": "xl/worksheets/sheet1.xml", "strings": "xl/sharedStrings.xml", "styles": "xl/styles.xml"}

    def __init__(self, path: Path, *, is_1904: bool) -> None:
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        self.part: IO[bytes] | None = None
        relation = f'<Relationship Id="sheet" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        root = f'<Relationship Id="book" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        book = (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr date1904="{is_1904:d}"/>'
            '<sheets><sheet name="Sheet" sheetId="1" r:id="sheet"/></sheets></workbook>'
        )
        self.archive.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}">{root}</Relationships>')
        self.archive.writestr("xl/workbook.xml", book)
        self.archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}">{relation}</Relationships>'
        )

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, *_raised: Any) -> None:
        # A part that was refused on its way is still open.
        if self.part:
            self.part.close()
        self.archive.close()

    def passing(self, kind: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the blocks, and write each one to the copy after the caller has parsed it."""
        decoder: codecs.IncrementalDecoder | None = None
        held = b""
        self.part = self.archive.open(self.NAMES[kind], "w", force_zip64=True)
        for number, block in enumerate(blocks):
            yield block
            if not number and block[:2] in UTF_16:
                decoder = codecs.getincrementaldecoder(UTF_16[block[:2]])()
                content = DECLARATION.sub("", decoder.decode(block)).encode()
            else:
                content = decoder.decode(block).encode() if decoder else block
            if kind == "sheet":
                # No element is split between two blocks.
                content = held + content
                cut = content.rfind(b"<")
                content, held = _without_hindrance(content[:cut], is_first=not number), content[cut:]
            self.part.write(content)
        self.part.write(held)
        self.part.close()


def without_blank_rows(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the rows that are only formatted, of which a sheet may have a million. Another spelling than that of
    Excel and its like passes as it is."""
    held = b""
    for block in blocks:
        sheet = BLANK_ROW.sub(b"", held + block)
        cut = sheet.rfind(b"<row ")
        if cut < 0 or len(sheet) - cut > BLOCK:
            cut = len(sheet)
        held = sheet[cut:]
        if cut:
            yield sheet[:cut]
    yield held


def _without_hindrance(sheet: bytes, *, is_first: bool) -> bytes:
    """What ends the whole file for the parser, and is no use to it: what a sheet claims of its size, and errors that
    are younger than it; which they are, the scan has noted."""
    if is_first:
        sheet = DIMENSION.sub(b"", sheet, count=1)
    return (
        ERROR.sub(lambda error: error[0] if error[0] in PARSER_ERRORS else b"#N/A", sheet) if b">#" in sheet else sheet
    )


def parse(blocks: Iterator[bytes], on_start: OnStart | None = None) -> None:
    """Parse a part and call `on_start` with each element's name, "namespace name" if it has a namespace."""
    parser = new_parser(namespace_separator=" ") if on_start else new_parser()
    parser.StartElementHandler = on_start
    feed(parser, blocks)


def new_parser(*, namespace_separator: str | None = None) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=namespace_separator)
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse_dtd
    return parser


def feed(parser: expat.XMLParserType, blocks: Iterator[bytes]) -> None:
    for block in blocks:
        parser.Parse(block, False)
    parser.Parse(b"", True)


def local_name(name: str) -> str:
    return name.rpartition(" ")[2]


def main_name(name: str) -> str:
    """Return the local name of a SpreadsheetML element, transitional or strict; "" for any other vocabulary.

    Extensions that Excel nests in a part (x14, xm, x15 …) reuse local names such as `f` and `workbookPr`.
    """
    namespace, _, local = name.rpartition(" ")
    return local if namespace in {MAIN, STRICT, ""} else ""


def _refuse_dtd(*_declared: Any) -> None:
    raise Refused("dtd")


def _checked_parts(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise Refused("too_many_entries")
    _refuse_overlap(entries)
    parts: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _part_name(entry.filename)
        if entry.flag_bits & 1:
            raise Refused("password")
        if name in parts or name.startswith("/") or ".." in name.split("/"):
            raise Refused("broken")
        for code, pattern in FORBIDDEN.items():
            if pattern.search(name):
                raise Refused(code)
        parts[name] = entry
    return parts


def _part_name(name: str) -> str:
    """ECMA-376 part 2, 6.2: names compare without regard to case; some programs write the other stroke."""
    return name.replace("\\", "/").lower()


def _refuse_overlap(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes unpack to far more than the file holds."""
    reached = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < reached:
            raise Refused("broken")
        # A name takes at least one byte a sign, whatever its encoding.
        reached = entry.header_offset + 30 + len(entry.filename) + entry.compress_size
