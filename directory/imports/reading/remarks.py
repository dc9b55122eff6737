"""What the page of an import says about its file as a whole: what was chosen, and what is not read."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from directory.imports.columns import BY_NAME
from directory.imports.reading.headings import EXACT
from directory.imports.reading.titles import plain_heading
from directory.imports.workbook_writer import GUIDANCE, LISTS
from directory.models import Import

NAMES_SHOWN = 20
# The encodings that are recognized by evidence alone.
GUESSED = {"gb18030": "GB 18030", "big5hkscs": "Big5"}
USUAL_SEPARATORS = {"", ",", "\t"}


def remarks_on(imported: Import) -> list[str]:
    """Return sentences in the active language; none for a file that has not been read."""
    heading = imported.heading
    return [*_columns(heading["columns"]), *_text(heading), *_sheet(heading)] if imported.is_read else []


def _columns(columns: dict[str, Any]) -> list[str]:
    texts = []
    if unknown := columns["unknown"]:
        texts.append(_("These columns aren't recognized and are ignored: %(names)s") % {"names": _join(unknown)})
    if others := _under_other_names(columns):
        texts.append(_("These columns are read under another name: %(names)s") % {"names": _join(others)})
    if columns.get("is_joined"):
        text = _("The column headings are put together from the rows up to row %(row)d.")
        texts.append(text % {"row": columns["row"]})
    return texts


def _under_other_names(columns: dict[str, Any]) -> list[str]:
    """Return the headings that are not ours, each with the column it is taken for."""
    titles = sorted((index, columns["titles"][index], name) for name, index in columns["indexes"].items())
    return [
        _("%(heading)s as %(column)s") % {"heading": title, "column": _title(name)}
        for _index, title, name in titles
        if plain_heading(title) not in EXACT
    ]


def _text(heading: dict[str, Any]) -> list[str]:
    texts = []
    if encoding := GUESSED.get(heading.get("encoding", "")):
        text = _("The text was read as %(encoding)s. If names look wrong, save the file as UTF-8 and upload it again.")
        texts.append(text % {"encoding": encoding})
    if (separator := heading.get("separator", "")) not in USUAL_SEPARATORS:
        texts.append(_("The columns are separated by “%(separator)s”.") % {"separator": separator})
    return texts


def _sheet(heading: dict[str, Any]) -> list[str]:
    texts = []
    if others := [name for name in heading["other_sheets"] if name not in {*LISTS, *GUIDANCE}]:
        text = _("Only the sheet “%(sheet)s” is read. Not read: %(names)s")
        texts.append(text % {"sheet": heading["sheet"], "names": _join(others)})
    if rows := heading["hidden_rows"]:
        text = ngettext("%(n)d hidden row is also read.", "%(n)d hidden rows are also read.", rows)
        texts.append(text % {"n": rows})
    if columns := heading["hidden_columns"]:
        text = ngettext("%(n)d hidden column is also read.", "%(n)d hidden columns are also read.", columns)
        texts.append(text % {"n": columns})
    return texts


def _join(names: list[str]) -> str:
    return _(", ").join(names[:NAMES_SHOWN])


def _title(name: str) -> str:
    return BY_NAME[name].heading(get_language() or "").rstrip("*")
