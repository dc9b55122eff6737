"""The cells of a workbook, as the reader process hands them over: text, numbers, and what is neither.

A date or a time is {"date": text} or {"time": text}; a cell without a value is {"dead": "formula"}, or {"dead": error}
with the error as the spreadsheet shows it.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

TEXT_MAX = 1000
# Also refused as text: the workbook of failed rows holds them as text.
ERRORS = {
    "#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#CONNECT!",
    "#BLOCKED!", "#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#PYTHON!", "#GETTING_DATA",
}  # fmt: skip
# Stands for bytes that are no text.
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
# Shown for a formula without a value.
FORMULA = "=…"


def text_of(cell: Any) -> str:
    """Return the text that the rules are applied to. Raises ValidationError if it is neither text nor a number."""
    if type(cell) is str:
        if len(cell) > TEXT_MAX:
            raise ValidationError(_("More than 1,000 characters."))
        if "#" in cell and cell.strip() in ERRORS:
            raise _dead(cell.strip())
        if cell == FORMULA:
            raise _dead("formula")
        if UNREADABLE in cell:
            raise ValidationError(
                _("Part of the text is damaged (shown as �). Enter it again, or save the file as UTF-8.")
            )
        return cell
    match cell:
        case bool():
            raise ValidationError(_("The cell contains TRUE or FALSE instead of text."))
        case int() | float():
            return str(cell)
        case {"dead": why}:
            raise _dead(why)
    raise ValidationError(_("The cell contains a date or time. Format it as text."))


def show_cell(cell: Any) -> str:
    """Return a cell as a person reads it."""
    match cell:
        case bool():
            return str(cell).upper()
        case {"dead": why}:
            return FORMULA if why == "formula" else why if why in ERRORS else "#VALUE!"
        case {"date": text} | {"time": text}:
            return str(text)
    return str(cell)


def _dead(why: str) -> ValidationError:
    if why == "formula":
        return ValidationError(
            _("The formula has no value. Open the file in a spreadsheet program, save it, and upload it again.")
        )
    if why in ERRORS:
        return ValidationError(_("The cell contains an error: %(error)s"), params={"error": why})
    return ValidationError(_("The cell contains an error."))
