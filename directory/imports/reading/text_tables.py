"""Read a table of text: its encoding by evidence, its separator by its headings, and no row inside a lone quote.

Runs in the child process: no Django here.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from directory.imports.reading.familiar_characters import is_chinese, is_other_script
from directory.imports.reading.package import Limits, Refused
from directory.imports.reading.titles import HEADING_ROWS, count_columns

# Longer texts are cut: they are refused for their length anyway.
TEXT_MAX = 1000
SNIFFED = 64 * 1024
SEPARATORS = ",\t;|，；"
# A line that spreadsheet programs write above the table.
STATED_SEPARATOR = re.compile(r'"?sep=([^\r\n"])"?\s*$', re.IGNORECASE | re.MULTILINE)
# How Excel is made to keep digits as text; it shows the text.
CONSTANT = re.compile(r'="((?:[^"]|"")*)"|=(\d+)')
HANZI = re.compile("[\u3400-\u9fff]")
HANZI_IN_WORD = re.compile("(?<=[A-Za-z])[\u3400-\u9fff](?=[a-z])")
HANZI_AT_WORD = re.compile("(?<=[A-Za-z])[\u3400-\u9fff](?![a-z])|(?<![A-Za-z])[\u3400-\u9fff](?=[a-z])")
# At the end of the file: Ctrl-Z of DOS programs, and the padding of disk blocks.
PADDING = b"\x1a\0"
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
# A text has hardly any control characters; a short one may have a few.
STRANGE_MAX, STRANGE_ONE_IN = 3, 50


class Layout(NamedTuple):
    """How many headings are found under a separator, the index of their row (-1: none), and its number of titles."""

    headings: int
    separator: str
    heading: int
    width: int


def decode_text(content: bytes, headings: Mapping[str, str]) -> tuple[str, str]:
    """Return the text without a byte order mark and padding, and its encoding. Raises Refused if it is none, or in no
    known encoding.

    Bytes that are foreign to the encoding of the others become U+FFFD. `headings` are the columns by their plain
    headings.
    """
    if content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return _checked(_decode_utf_16(content, "utf-16")), "utf-16"
    padded = content.rstrip(PADDING)
    if b"\0" in padded[:SNIFFED]:
        # In UTF-16 commas and digits have a zero byte.
        is_little = content[1:SNIFFED:2].count(0) > content[:SNIFFED:2].count(0)
        return _checked(_decode_utf_16(content, "utf-16-le" if is_little else "utf-16-be")), "utf-16"
    if text := _decode_utf_8(padded):
        return _checked(text), "utf-8"
    encoding = _encoding_by_headings(padded, headings)
    text = padded.decode(encoding, "replace") if encoding else _decode_gb_18030(padded)
    return _checked(text), encoding or "gb18030"


def layout_of(text: str, headings: Mapping[str, str]) -> Layout:
    """Take the separator that the first line states, or else the one under which most headings are found."""
    sample = text[:SNIFFED]
    stated = STATED_SEPARATOR.match(sample)
    first = next((line for line in sample.splitlines() if line.strip()), "")
    layouts = []
    for separator in stated[1] if stated else SEPARATORS:
        rows = list(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=separator), HEADING_ROWS))
        found = [count_columns(map(_cell, row), headings) for row in rows]
        most = max(found, default=0)
        index = found.index(most) if most else -1
        width = len([title for title in rows[index] if title.strip()]) if most else 0
        layouts.append(Layout(most, separator, index, width))
    return max(layouts, key=lambda layout: (layout.headings, first.count(layout.separator)))


def read_text_table(
    text: str, layout: Layout, limits: Limits
) -> Iterator[tuple[int, list[Any], Sequence[tuple[int, str]]]]:
    """Yield the number and the cells of each row; and by index what stood in cells that were taken for constants."""
    csv.field_size_limit(limits.unpacked)
    for number, stated in enumerate(_records(text, layout), start=1):
        if len(stated) > limits.columns and any(cell.strip() for cell in stated[limits.columns :]):
            raise Refused("column_limit")
        cells = [_cell(cell) for cell in stated[: limits.columns]]
        yield number, cells, [] if cells == stated else _constants(stated, cells)


def _constants(stated: Sequence[str], cells: Sequence[str]) -> list[tuple[int, str]]:
    return [
        (index, before[: TEXT_MAX + 1])
        for index, (before, after) in enumerate(zip(stated, cells, strict=False))
        if before != after and before[0] in "'=" and not before.startswith(after)
    ]


def _decode_utf_16(content: bytes, encoding: str) -> str:
    text = content.decode(encoding, "replace")
    if text.count(UNREADABLE) > max(1, len(text) // STRANGE_ONE_IN):
        raise Refused("csv_encoding")
    return text


def _decode_utf_8(content: bytes) -> str:
    """Return "" if most characters beyond ASCII are not UTF-8: one foreign byte says nothing about the others."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("utf-8-sig", "replace")
    if _is_utf_8_by_accident(content, text):
        return ""
    damaged = text.count(UNREADABLE)
    if len(text) - len(text.encode("ascii", "ignore")) > damaged * 2:
        return text
    if content.startswith(codecs.BOM_UTF8):
        raise Refused("csv_encoding")
    return ""


def _is_utf_8_by_accident(content: bytes, text: str) -> bool:
    """Return True for few hanzi of GB 18030 whose bytes are letters of two bytes in UTF-8, as those of 鲁芊 are."""
    return not text.isascii() and max(text.replace(UNREADABLE, "")) < "\u0800" and is_chinese(content[:SNIFFED])


def _encoding_by_headings(content: bytes, headings: Mapping[str, str]) -> str:
    """Return "" unless two headings are found in Chinese, which is no accident in either encoding."""
    chinese = {heading: column for heading, column in headings.items() if not heading.isascii()}
    for encoding in ("gb18030", "big5hkscs"):
        if layout_of(content[:SNIFFED].decode(encoding, "replace"), chinese).headings > 1:
            return encoding
    return ""


def _decode_gb_18030(content: bytes) -> str:
    """Nearly all bytes are valid GB 18030, so refuse what has the marks of another encoding."""
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        raise Refused("csv_encoding") from None
    if _is_western(text) or _is_private(text) or is_other_script(content[:SNIFFED]):
        raise Refused("csv_encoding")
    return text


def _is_western(text: str) -> bool:
    """Return True for Müller read as M黮ler and Renée as Ren閑: most hanzi are parts of Latin words.

    At an end of a word, as in Lily张, a hanzi counts only if its second byte is a letter too.
    """
    hanzi = len(HANZI.findall(text))
    swallowed = [char for char in HANZI_AT_WORD.findall(text) if char.encode("gb18030")[1:].isalpha()]
    return hanzi > 0 and (len(HANZI_IN_WORD.findall(text)) + len(swallowed)) * 2 > hanzi


def _is_private(text: str) -> bool:
    """Return True if many characters are private ones, where Big5 and Shift-JIS have others."""
    sample = [char for char in text[:SNIFFED] if not char.isascii()]
    return sum(unicodedata.category(char) == "Co" for char in sample) * 10 > len(sample)


def _checked(text: str) -> str:
    """Refuse binary files, some of which decode in one encoding or another."""
    text = text.removeprefix("\ufeff").rstrip("\x1a \t\r\n")
    head = text[:4096]
    strange = sum(unicodedata.category(char) in {"Cc", "Cn", "Co"} and char not in "\r\n\t" for char in head)
    is_binary = "\0" in text or strange > max(STRANGE_MAX, len(head) // STRANGE_ONE_IN)
    if is_binary or text.lstrip()[:1] == "<" or text.startswith("%PDF"):
        raise Refused("not_text")
    return text


def _records(text: str, layout: Layout) -> Iterator[list[str]]:
    """Yield the cells of each row. Raises Refused if a lone quote makes several rows one."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        # With a blank line at the end, a quote that is never closed in the last row takes more than one line too.
        for line in io.StringIO(f"{text}\n\n", newline=""):
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=layout.separator)
    for index, cells in enumerate(reader):
        if len(taken) > 1 and _has_lone_quote(taken, cells, layout, is_below=index > layout.heading):
            raise Refused("quote", str(reader.line_num - len(taken) + 1))
        taken.clear()
        yield cells


def _has_lone_quote(lines: Sequence[str], cells: Sequence[str], layout: Layout, *, is_below: bool) -> bool:
    """Check a row of several lines, `is_below` the headings: its quotes don't close where a cell ends, or one cell
    holds as many separators as the table has columns."""
    try:
        list(csv.reader(lines, delimiter=layout.separator, strict=True))
    except csv.Error:
        return True
    return is_below and any(
        cell.count(layout.separator) >= layout.width for cell in cells if "\n" in cell or "\r" in cell
    )


def _cell(cell: str) -> str:
    # Exports put an apostrophe before texts that a spreadsheet would take for formulas.
    if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@", "\t"}:
        cell = cell[1:]
    elif cell[:1] == "=" and (constant := CONSTANT.fullmatch(cell.rstrip())):
        cell = constant[2] or constant[1].replace('""', '"')
    return cell[: TEXT_MAX + 1] if cell.strip() else ""
