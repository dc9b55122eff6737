"""Reasons of an import are shown in the reader's language, not the uploader's."""

import io

import openpyxl
import pytest
from django.utils.translation import override

from conftest import build_member
from core.translatable import render_message
from directory.imports.job import work_on_imports
from directory.models import Import
from directory.tests.imports.test_pages import applied, checked
from directory.tests.imports.workbooks import person, xlsx

ROWS = [
    person(1, phone="13800138002"),
    person(2, phone="12345678"),
    person(3, prefix="a b"),
    person(4, departments="没有"),
    person(5, phone="13900000009"),
    person(6, phone="13900000009"),
    person(7, activation="随便"),
    person(8, name="长" * 65),
    person(9, phone=True),
]
ENGLISH = [
    "138 0013 8002 belongs to 王芳 (华东组, Not joined)",
    "A mobile number has 11 digits. This one has 8.",
    "A space isn't allowed in an address. Use letters a–z, digits, periods, hyphens, and underscores.",
    "There is no department “没有” here.",
    "139 0000 0009 is also in row 7 of this file.",
    "139 0000 0009 is also in row 6 of this file.",
    "Enter 手机号 (phone) or 激活码 (code).",
    "Use at most 64 characters. This has 65.",
    "The cell contains TRUE or FALSE instead of text.",
]


def reasons_in(language):
    with override(language):
        return [
            render_message(problem) for row in Import.objects.get().rows.order_by("number") for problem in row.problems
        ]


@pytest.mark.parametrize("uploaded_in", ["en", "zh-hans"])
def test_every_reason_is_in_the_readers_language(client_of, alice, tenant, wang, uploaded_in):
    client = client_of(alice)
    client.cookies["django_language"] = uploaded_in
    page = checked(client, tenant, xlsx(*ROWS))
    assert reasons_in("en") == ENGLISH
    for english, chinese in zip(ENGLISH, reasons_in("zh-hans"), strict=True):
        assert chinese != english
        assert "%(" not in chinese
    assert "未加入" in reasons_in("zh-hans")[0]
    for language, heading in (("en", "Reason"), ("zh-hans", "原因")):
        client.cookies["django_language"] = language
        reasons = reasons_in(language)
        html = client.get(page).content.decode().replace("&#x27;", "'")
        assert [reason for reason in reasons if reason not in html] == []
        sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"{page}failed.xlsx").content)).active
        assert [row[-1] for row in sheet.iter_rows(values_only=True)] == [heading, *reasons]


def test_what_an_undo_kept_and_why_an_import_stopped_are_said_so_too(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1)))
    applied(client, page)
    build_member(tenant, "别人", "other", "+8613700000001")
    imported = Import.objects.get()
    imported.rows.get().member.delete()
    imported.refresh_from_db()
    client.post(f"{page}undo/")
    assert reasons_in("en") == ["The member is no longer in the directory."]
    assert reasons_in("zh-hans") != reasons_in("en")
    second = checked(client, tenant, xlsx(person(2)))
    client.post(f"{second}apply/")
    alice.roles.update(name="auditor")
    work_on_imports()
    stopped = Import.objects.order_by("pk").last()
    with override("en"):
        assert stopped.reason_text == "The person who started this no longer has permission to manage members."
    with override("zh-hans"):
        assert stopped.reason_text != stopped.reason
