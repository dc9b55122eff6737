"""Write workbooks: template, failed rows, members, activation codes. Every text is a text cell, never a formula."""

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
from directory.imports.columns import BY_NAME, COLUMNS, REASON, STATUS, ActivationColumn, in_language
from directory.imports.reading.cells import show_cell
from directory.members.data import Labels, MemberData
from directory.models import Import, ImportRow, Member

TEMPLATE_ROWS = 2000
LISTED_MAX = 1000
# The sheets of the template beside the table.
LISTS, GUIDANCE = ("选项", "Lists"), ("填写说明", "Guidance")
# The status of a member in the bin, which is none of Member.Status.
IN_BIN = "deleted"


def write_template(language: str, domains: Sequence[str], paths: Sequence[str]) -> bytes:
    """Return a workbook with drop-downs for domain, department and activation, guidance and an example row."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _("Members")
    for number, column in enumerate(COLUMNS, start=1):
        heading = sheet.cell(1, number, column.heading(language))
        heading.font = Font(bold=True, color="FFFFFF")
        heading.fill = PatternFill("solid", fgColor="B23A2E" if column.is_required else "3B5BA9")
        sheet.cell(2, number, in_language(column.examples, language) or None).font = Font(italic=True, color="808080")
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = column.width
        # As text: else a spreadsheet makes numbers of phones and accounts, and dates of departments.
        sheet.column_dimensions[letter].number_format = sheet.cell(2, number).number_format = "@"
    sheet.freeze_panes = "A2"
    lists = book.create_sheet(in_language(LISTS, language))
    lists.sheet_state = "hidden"
    activation = BY_NAME["activation"]
    assert isinstance(activation, ActivationColumn)
    offers = {"domain": domains, "departments": paths[:LISTED_MAX], "activation": activation.choices(language)}
    for name, values in offers.items():
        _offer(sheet, lists, name, values)
    _guide(book, language)
    return _bytes(book)


def write_failed(imported: Import, language: str) -> bytes:
    """Return a workbook of the refused rows as they were uploaded, with the reasons in the last column."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Members"))
    titles = imported.heading["columns"]["titles"]
    reason = _reason_index(titles)
    sheet.append(text_cells(sheet, [*titles[:reason], in_language(REASON, language)]))
    refused = imported.rows.filter(verdict=ImportRow.Verdict.REFUSED, cells__isnull=False)
    for row in refused.order_by("number").iterator():
        cells = (list(row.cells) + [""] * reason)[:reason]
        reasons = "; ".join(dict.fromkeys(map(render_message, row.problems)))
        sheet.append([_typed(sheet, cell) for cell in cells] + text_cells(sheet, [reasons]))
    return _bytes(book)


def write_members(rows: Iterable[tuple[str, MemberData]], labels: Labels) -> bytes:
    """Return a workbook of members, given with status (or IN_BIN), which changes nothing when it is imported."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Members"))
    headings = [column.heading(labels.language) for column in COLUMNS]
    sheet.append(text_cells(sheet, [*headings, in_language(STATUS, labels.language)]))
    statuses = {status.value: str(status.label) for status in Member.Status} | {IN_BIN: _("In recycle bin")}
    for status, data in rows:
        sheet.append(text_cells(sheet, [*(column.write(data, labels) for column in COLUMNS), statuses[status]]))
    return _bytes(book)


def write_codes(rows: Iterable[tuple[Member, str]], url: str) -> bytes:
    """Return a workbook of members, given with their primary address, and activation codes."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Activation codes"))
    for number, width in enumerate((18, 20, 32, 24, 20, 40), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    titles = [_("Name"), _("Account"), _("Address"), _("Department"), _("Activation code"), _("Enter it at")]
    sheet.append(text_cells(sheet, titles))
    for member, code in rows:
        address = next(iter(member.addresses.all()))
        cells = [member.name, member.account, str(address), member.main_department.name, code, url]
        sheet.append(text_cells(sheet, cells))
    return _bytes(book)


def _offer(sheet: Any, lists: Any, name: str, values: Sequence[str]) -> None:
    number = COLUMNS.index(BY_NAME[name]) + 1
    letter = get_column_letter(number)
    if not values:
        return
    for row, value in enumerate(values, start=1):
        cell = lists.cell(row, number, value)
        cell.data_type = "s"
    choice = DataValidation("list", f"'{lists.title}'!${letter}$1:${letter}${len(values)}", allow_blank=True)
    # Not enforced: a cell may name several departments, or a new one.
    choice.showErrorMessage = False
    choice.add(f"{letter}2:{letter}{TEMPLATE_ROWS + 1}")
    sheet.add_data_validation(choice)


def _guide(book: Workbook, language: str) -> None:
    sheet = book.create_sheet(in_language(GUIDANCE, language))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 22, 90
    for row, column in enumerate(COLUMNS, start=1):
        sheet.cell(row, 1, column.heading(language)).font = Font(bold=True)
        sheet.cell(row, 2, str(column.guidance)).alignment = Alignment(wrap_text=True)
    notes = [
        _("Columns can be in any order. You can delete those you don't need. Unknown columns are ignored."),
        _("The example row is ignored unless you change it."),
    ]
    for row, text in enumerate(notes, start=len(COLUMNS) + 2):
        sheet.cell(row, 1, text)


def _reason_index(titles: Sequence[str]) -> int:
    """Return the index of an earlier column of reasons, which is replaced, or of the first behind all headings."""
    return next((index for index, title in enumerate(titles) if title in REASON), len(titles))


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
