"""The workbook of activation codes offered after an import."""

from __future__ import annotations

import io

import openpyxl
import pytest

from accounts.models import AuditEvent
from directory.joining.activation_codes import find_code
from directory.models import ActivationCode, Member
from directory.tests.imports.test_pages import applied, checked
from directory.tests.imports.workbooks import person, xlsx


@pytest.fixture
def console(client_of, alice):
    return client_of(alice)


@pytest.fixture
def imported(console, tenant):
    """Return the URL of an import that created one member by phone and three by code."""
    rows = [person(1), *(person(number, activation="激活码", phone="") for number in (2, 3))]
    imported = checked(console, tenant, xlsx(*rows, person(4, activation="code", phone="")))
    html = applied(console, imported)
    assert f'action="{imported}codes.xlsx"' in html
    assert "Activation codes for 3 members" in html
    return imported


def rows_of(answer):
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    return [list(row) for row in sheet.iter_rows()]


def test_the_workbook_has_a_code_for_each_pending_member(console, imported, settings):
    answer = console.post(f"{imported}codes.xlsx")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    heading, *rows = [[cell.value for cell in row] for row in rows_of(answer)]
    assert heading == ["Name", "Account", "Address", "Department", "Activation code", "Enter it at"]
    assert [row[1:3] for row in rows] == [[f"m{number}", f"m{number}@example.com"] for number in (2, 3, 4)]
    for row in rows:
        assert find_code(row[4]).member.account == row[1]
        assert row[5] == f"{settings.PUBLIC_URL}/i/"
    event = AuditEvent.objects.get(action="activation_codes_issued")
    assert (event.target_type, event.personal["after"]) == ("import", {"members": 3})


def test_every_cell_is_a_text_and_no_formula(console, imported):
    Member.objects.filter(account="m4").update(name="=1+1")
    cells = [cell for row in rows_of(console.post(f"{imported}codes.xlsx")) for cell in row]
    assert "=1+1" in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells} == {"s"}


def test_looking_makes_no_code(console, imported):
    assert console.get(f"{imported}codes.xlsx").status_code == 302
    console.get(imported)
    assert not ActivationCode.objects.exists()


def test_a_second_workbook_revokes_the_first_codes_and_leaves_out_joined_members(console, imported):
    first = [row[4].value for row in rows_of(console.post(f"{imported}codes.xlsx"))[1:]]
    Member.objects.filter(account="m2").update(status="disabled")
    rows = rows_of(console.post(f"{imported}codes.xlsx"))[1:]
    assert [row[1].value for row in rows] == ["m3", "m4"]
    assert [find_code(code) for code in first] == [None] * 3


def test_nobody_left_means_no_workbook(console, imported):
    Member.objects.filter(activation="code").update(status="disabled")
    assert f'action="{imported}codes.xlsx"' not in console.get(imported).content.decode()
    answer = console.post(f"{imported}codes.xlsx")
    assert (answer.status_code, answer["Location"]) == (303, imported)


def test_an_undo_keeps_members_with_a_code(console, imported):
    console.post(f"{imported}codes.xlsx")
    console.post(f"{imported}undo/")
    assert set(Member.objects.values_list("account", flat=True)) == {"m2", "m3", "m4"}
    assert "has since been given an activation code" in console.get(imported).content.decode()
