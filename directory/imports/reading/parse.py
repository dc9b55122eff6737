"""Parse the cells of a row into the values of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.text_rules import show_invisible
from directory.imports.columns import BY_NAME, CACHED_MAX, COLUMNS, Column, ParseContext
from directory.imports.problems import Problem, problems_of

EXAMPLES = [{column.name: column.examples[index] for column in COLUMNS} for index in range(2)]
EXAMPLE_NAMES = [example["name"] for example in EXAMPLES]


@dataclass(slots=True)
class Parsed:
    """The values that a row states, the columns it leaves blank, its problems, and the repairs worth a note."""

    values: dict[str, Any] = field(default_factory=dict)
    blank: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def refuse(self, column: str, error: ValidationError) -> None:
        self.problems += problems_of(column, error)


def parse_row(cells: Mapping[str, Any], context: ParseContext) -> Parsed:
    """Parse the cell of every column, and collect the problems of all."""
    parsed = Parsed()
    for name, cell in cells.items():
        if cell == "":
            parsed.blank.add(name)
            continue
        cache = context.cache.get(name)
        if cache is not None and type(cell) is str and cell in cache:
            parsed.values[name] = cache[cell]
            continue
        try:
            parsed.values[name] = _parse_cell(BY_NAME[name], cell, context, parsed)
        except ValidationError as error:
            parsed.refuse(name, error)
    _join_domains(parsed, context)
    return parsed


def note_originals(parsed: Parsed, cells: Mapping[str, Any], originals: Mapping[str, str]) -> None:
    """Note the text in the file, by column, of cells that the reader process understood as another text."""
    for column, text in originals.items():
        original = show_invisible(text)
        if repair := next((note for note in parsed.notes if note["column"] == column), None):
            repair["from"] = original
        else:
            note = {"kind": "repair", "column": column, "from": original, "to": str(cells[column])}
            parsed.notes.append(note)


def is_example(cells: Mapping[str, Any]) -> bool:
    """Return True if these are all cells of the template's example, unchanged."""
    return cells.get("name") in EXAMPLE_NAMES and cells in EXAMPLES


def _parse_cell(column: Column, cell: Any, context: ParseContext, parsed: Parsed) -> Any:
    text = column.text_of(cell)
    value = column.read(text, context)
    cache = context.cache.get(column.name)
    if repaired := column.repaired(text, value, context):
        note = {"kind": "repair", "column": column.name, "from": show_invisible(text), "to": repaired}
        parsed.notes.append(note)
    elif cache is not None and len(cache) < CACHED_MAX:
        cache[text] = value
    return value


def _join_domains(parsed: Parsed, context: ParseContext) -> None:
    """Settle the domain of each address, whether its own cell or the column of domains names it."""
    values = parsed.values
    if "prefix" in values:
        values["prefix"], named = values["prefix"]
        if named and values.setdefault("domain", named) != named:
            parsed.refuse("domain", ValidationError(_("The mailbox prefix contains a different domain.")))
    if "aliases" in values:
        default = values.get("domain", context.default_domain)
        values["aliases"] = tuple([(local, named or default) for local, named in values["aliases"]])
