"""Which names a department administrator reads in conflicts: of the people within their reach only (A8)."""

from __future__ import annotations

import io

import openpyxl
import pytest

from accounts.audit.recording import Actor, command_actor
from conftest import build_member
from directory.imports.job import work_on_imports
from directory.members.conflicts import address_conflict
from directory.members.recycle_bin import delete_members
from directory.tests.imports.workbooks import person, upload, xlsx
from invitations.models import Application
from invitations.tests.people import application_of, apply

INSIDE, OUTSIDE = "+8613900139001", "+8613900139002"


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.IMPORT_DIR = tmp_path / "imports"


@pytest.fixture
def applicants(open_tenant):
    """张伟 applies for Bob's department, 外人 for another one."""
    apply(open_tenant.enterprise, "张伟", "inside", INSIDE)
    apply(open_tenant.enterprise, "外人", "outside", OUTSIDE)
    Application.objects.filter(phone=INSIDE).update(department=open_tenant.east)


def texts_of(workbook: bytes) -> str:
    rows = openpyxl.load_workbook(io.BytesIO(workbook)).active.iter_rows(values_only=True)
    return "\n".join(str(cell) for row in rows for cell in row if cell)


CREATE = {"name": "新人", "domain": "example.com", "phone": "13900139077", "activation": "phone"}


def test_a_form_names_the_applicant_only_to_those_who_may_read_the_application(client_of, alice, bob, applicants):
    for typed in ({"prefix": "outside"}, {"prefix": "new", "aliases": "outside@example.com"}):
        page = client_of(bob).post("/console/members/new/", CREATE | typed)
        assert page.status_code == 422
        assert "outside@example.com has already been requested." in page.text
        assert "外人" not in page.text
    for user, prefix, name in ((bob, "inside", "张伟"), (alice, "outside", "外人")):
        page = client_of(user).post("/console/members/new/", CREATE | {"prefix": prefix})
        assert f"{prefix}@example.com is already requested by {name}." in page.text


def test_an_import_names_the_applicant_only_to_those_who_may_read_the_application(client_of, bob, applicants, tenant):
    client = client_of(bob)
    content = xlsx(person(1, prefix="outside"), person(2, prefix="inside"), person(3, aliases="outside"))
    page = client.post(
        "/console/imports/", {"file": upload(content), "department": tenant.market.pk, "mode": "create"}
    )["Location"]
    work_on_imports()
    for text in (client.get(page).text, texts_of(client.get(f"{page}failed.xlsx").content)):
        assert "outside@example.com has already been requested." in text
        assert "inside@example.com is already requested by 张伟." in text
        assert "外人" not in text


def test_an_amended_application_names_nobody_outside(client_of, bob, applicants):
    typed = {"name": "张伟", "prefix": "outside", "domain": "example.com"}
    application = application_of(INSIDE)
    typed["department"] = application.department_id
    page = client_of(bob).post(f"/console/applications/{application.pk}/edit/", typed)
    assert page.status_code == 422
    assert "outside@example.com has already been requested." in page.text
    assert "外人" not in page.text


def test_a_holder_in_the_recycle_bin_is_named_to_those_who_could_restore_them(client_of, bob, tenant):
    inside = build_member(tenant, "里面", "inside", INSIDE, department=tenant.east)
    outside = build_member(tenant, "外面", "outside", OUTSIDE)
    delete_members(tenant.enterprise, [inside.pk, outside.pk], by=command_actor())
    page = client_of(bob).post("/console/members/new/", CREATE | {"prefix": "inside"}).text
    assert "inside@example.com belongs to 里面 (华东组, in the recycle bin)." in page
    page = client_of(bob).post("/console/members/new/", CREATE | {"prefix": "outside", "account": "inside"}).text
    assert "outside@example.com belongs to a member outside your departments." in page
    assert "外面" not in page


def test_someone_who_has_lost_their_role_is_told_no_name(tenant, lin, bob):
    bob.roles.all().delete()
    error = address_conflict("linxiao", tenant.domain, Actor(user=bob, name="Bob", via="task"))
    assert error
    assert "林晓" not in " ".join(error.messages)
