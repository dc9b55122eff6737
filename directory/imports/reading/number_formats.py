"""Number formats that show a number with zeros in front of it or with text around it: 00007, zs0007.

Runs in the child process: no Django here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from directory.imports.reading.package import Package, main_name, parse

# What a format consists of: literal text, and the least number of digits at a place.
NumberFormat = tuple[str | int, ...]

# ECMA-376 part 1, 18.8.31. Colours, locales and the space as wide as a character (_x) show nothing.
TOKEN = re.compile(
    r"""(?P<zeros>0+) | "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | (?P<plain>[-+/(): ]|[^\x00-\x7f])
    | _. | \[(?:\$-[^]]*|Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color\s?\d+)\]""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
SECTIONS = {"numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}
# The scan notes a format in one byte a cell.
FORMATS_MAX = 255


def parse_format(code: str) -> NumberFormat | None:
    """Return the format of numbers that are not negative; None if it shows them without more, or isn't of zeros and
    text alone."""
    parts = _parts_of(code)
    digits = sum(part for part in parts if isinstance(part, int))
    has_text = any(isinstance(part, str) and part.strip() for part in parts)
    return tuple(parts) if digits > 1 or (digits and has_text) else None


def _parts_of(code: str) -> list[str | int]:
    """Return the parts of the format's first section; none if it has others than zeros and text."""
    parts: list[str | int] = []
    position = 0
    while position < len(code) and code[position] != ";":
        token = TOKEN.match(code, position)
        if not token:
            return []
        position = token.end()
        if token["zeros"]:
            parts.append(len(token["zeros"]))
        elif token.lastgroup:
            parts.append(token[token.lastgroup])
    return parts


def show_number(number: int, format: NumberFormat) -> str:
    """Return a number, not negative, as the format shows it; digits beyond its places go to the first."""
    places = sum(part for part in format if isinstance(part, int))
    digits = str(number).zfill(places)
    spare = len(digits) - places
    shown = ""
    for part in format:
        if isinstance(part, str):
            shown += part
            continue
        shown, digits = shown + digits[: part + spare], digits[part + spare :]
        spare = 0
    return shown.strip()


def formats_by_style(package: Package, styles: str) -> dict[str, NumberFormat]:
    """Return the formats of zeros and text by the index of the cell style, as a cell states it."""
    if styles not in package.parts:
        return {}
    section = ""
    codes: dict[str, str] = {}
    style_formats: list[str] = []

    def on_element(name: str, attributes: dict[str, str]) -> None:
        nonlocal section
        name = main_name(name)
        section = name if name in SECTIONS else section
        if (section, name) == ("numFmts", "numFmt"):
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif (section, name) == ("cellXfs", "xf"):
            style_formats.append(attributes.get("numFmtId", ""))

    parse(package.read(styles), on_element)
    return _known_formats(codes, style_formats)


def _known_formats(codes: dict[str, str], style_formats: Iterable[str]) -> dict[str, NumberFormat]:
    formats = {id: format for id, code in codes.items() if (format := parse_format(code))}
    styles = {str(index): formats[id] for index, id in enumerate(style_formats) if id in formats}
    return dict(list(styles.items())[:FORMATS_MAX])
