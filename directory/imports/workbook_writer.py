"""The workbooks we write: template, failed rows, members. Every text in them is a text, never a formula."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from core.translatable import render_message
from core.workbook_cells import text_cell, text_cells
from directory.imports.columns import (
    ACTIVATIONS,
    COLUMNS,
    EXAMPLES,
    GUIDANCE,
    LISTS,
    REASON,
    STATUS,
    Facts,
    Names,
    show_cell,
)
from directory.imports.conflicts import IN_THE_BIN
from directory.models import Import, ImportRow, Member

TEMPLATE_ROWS = 2000
LISTED_MAX = 1000
INLINE_LIST_MAX = 250


def write_template(language: str, domains: Sequence[str], paths: Sequence[str]) -> bytes:
    """With drop-downs for domain, department and activation, a sheet of guidance and an example row."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _("Members")
    example = EXAMPLES["en" if language.startswith("en") else "zh-hans"]
    for place, column in enumerate(COLUMNS, start=1):
        heading = sheet.cell(1, place, column.heading(language))
        heading.font = Font(bold=True, color="FFFFFF")
        heading.fill = PatternFill("solid", fgColor="B23A2E" if column.is_required else "3B5BA9")
        sheet.cell(2, place, example[column.name] or None).font = Font(italic=True, color="808080")
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = 28 if column.name in {"departments", "aliases"} else 18
        # Else a spreadsheet makes numbers of phones and accounts, and dates of departments.
        sheet.column_dimensions[letter].number_format = sheet.cell(2, place).number_format = "@"
    sheet.freeze_panes = "A2"
    lists = book.create_sheet(_word(LISTS, language))
    lists.sheet_state = "hidden"
    activations = [text for text in ACTIVATIONS if text in ({"phone", "code"} if language.startswith("en") else ZH)]
    for name, values in (("domain", domains), ("departments", paths[:LISTED_MAX]), ("activation", activations)):
        _offer(sheet, lists, name, values)
    _guide(book, language)
    return _bytes(book)


def write_failed(imported: Import, language: str) -> bytes:
    """The refused rows as they were uploaded, type and value, and the reason behind them."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Members"))
    titles = imported.heading["columns"]["titles"]
    reason = _free_place(titles)
    sheet.append(text_cells(sheet, [*titles[:reason], _word(REASON, language)]))
    for row in (
        imported.rows.filter(verdict=ImportRow.Verdict.REFUSED, cells__isnull=False).order_by("number").iterator()
    ):
        cells = (list(row.cells) + [""] * reason)[:reason]
        told = "; ".join(dict.fromkeys(map(render_message, row.problems)))
        sheet.append([_typed(sheet, cell) for cell in cells] + text_cells(sheet, [told]))
    return _bytes(book)


def write_members(rows: Iterable[tuple[str, Facts]], names: Names) -> bytes:
    """The columns of the import and the status, so that importing it again changes nothing."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Members"))
    sheet.append(text_cells(sheet, [*(one.heading(names.language) for one in COLUMNS), _word(STATUS, names.language)]))
    labels = {status.value: str(status.label) for status in Member.Status} | {IN_THE_BIN: _("In the bin")}
    for status, facts in rows:
        sheet.append(text_cells(sheet, [*(column.write(facts, names) for column in COLUMNS), labels[status]]))
    return _bytes(book)


def write_codes(rows: Iterable[tuple[Member, str]], url: str) -> bytes:
    """Members (with their primary address) and their activation codes, to be handed out one by one."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Activation codes"))
    for place, width in enumerate((18, 20, 32, 24, 20, 40), start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    titles = [_("Name"), _("Account"), _("Address"), _("Department"), _("Activation code"), _("Enter it at")]
    sheet.append(text_cells(sheet, titles))
    for member, code in rows:
        address = next(iter(member.addresses.all()))
        cells = [member.name, member.account, str(address), member.main_department.name, code, url]
        sheet.append(text_cells(sheet, cells))
    return _bytes(book)


ZH = {"手机号", "激活码"}


def _offer(sheet: Any, lists: Any, name: str, values: Sequence[str]) -> None:
    place = next(place for place, column in enumerate(COLUMNS, start=1) if column.name == name)
    letter = get_column_letter(place)
    if not values:
        return
    for row, value in enumerate(values, start=1):
        cell = lists.cell(row, place, value)
        cell.data_type = "s"
    choice = DataValidation("list", f"'{lists.title}'!${letter}$1:${letter}${len(values)}", allow_blank=True)
    # Offered, not forced: several departments, or a new one, may be written.
    choice.showErrorMessage = False
    choice.add(f"{letter}2:{letter}{TEMPLATE_ROWS + 1}")
    sheet.add_data_validation(choice)


def _guide(book: Workbook, language: str) -> None:
    sheet = book.create_sheet(_word(GUIDANCE, language))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 22, 90
    texts = {
        "name": _("Required. 1 to 64 characters."),
        "prefix": _("Required. The part before the @: letters, digits, dot, hyphen, underscore."),
        "domain": _("Blank: the enterprise's default domain."),
        "account": _("Blank: the mailbox prefix, and if that is taken the whole address."),
        "phone": _("Needed if the member joins by phone. Keep the cells as text. Abroad write +1 650 253 0000."),
        "departments": _("A path below the chosen department: A/B/C; several by “;”, the first is the main one."),
        "position": _("At most 128 characters."),
        "activation": _("手机号 (phone, usual) or 激活码 (code, for staff without a phone)."),
        "aliases": _("At most 5, parted by “;”."),
    }
    for row, column in enumerate(COLUMNS, start=1):
        sheet.cell(row, 1, column.heading(language)).font = Font(bold=True)
        sheet.cell(row, 2, texts[column.name]).alignment = Alignment(wrap_text=True)
    notes = [
        _("The columns may stand in any order; those you don't need may be deleted, others are ignored."),
        _("The example row is ignored as long as nothing in it is changed."),
    ]
    for row, text in enumerate(notes, start=len(COLUMNS) + 2):
        sheet.cell(row, 1, text)


def _free_place(titles: Sequence[str]) -> int:
    """Where the reason goes: over an older one, else behind the last heading."""
    return next((place for place, title in enumerate(titles) if title in REASON), len(titles))


def _word(both: tuple[str, str], language: str) -> str:
    return both[1 if language.startswith("en") else 0]


def _typed(sheet: Any, cell: Any) -> Any:
    match cell:
        case bool() | int() | float():
            return cell
        case {"date": text}:
            return datetime.datetime.fromisoformat(text)
        case {"time": text}:
            return text_cell(sheet, text)
        case {"dead": _why}:
            return text_cell(sheet, show_cell(cell))
    return text_cell(sheet, str(cell)) if cell != "" else None


def _bytes(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
