import io

import openpyxl
import pytest

from conftest import build_member
from directory.imports.job import work_on_imports
from directory.models import Address, Import, Member, Membership
from directory.tests.imports.workbooks import upload

URL = "/console/members/export/"


def rows_of(content):
    return list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows())


@pytest.fixture
def many(tenant, lin, wang, zhao):
    """Members of every kind: several departments and the root among them, aliases, no phone, a phone abroad."""
    Membership.objects.create(member=wang, department=tenant.root)
    Address.objects.create(
        enterprise=tenant.enterprise, domain=tenant.domain, local="fang", purpose="alias", member=wang
    )
    build_member(tenant, "=HYPERLINK(1)", "formula", "+16502530000", position="+1 -2 @x")
    build_member(tenant, "没手机", "nophone", None, activation="code", department=tenant.market)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("mode", ["create", "update"])
def test_exporting_and_importing_again_changes_nothing(client_of, alice, tenant, many, language, mode):
    client = client_of(alice)
    client.cookies["django_language"] = language
    content = client.post(URL).content
    page = client.post("/console/imports/", {"file": upload(content), "department": tenant.root.pk, "mode": mode})
    assert page.status_code == 303
    work_on_imports()
    imported = Import.objects.get()
    problems = list(imported.rows.exclude(problems=[]).values_list("cells", "problems", "notes"))
    assert (imported.read, imported.unchanged, problems) == (5, 5, [])


def test_no_cell_is_a_formula(client_of, alice, many):
    cells = [cell for row in rows_of(client_of(alice).post(URL).content) for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert "=HYPERLINK(1)" in [cell.value for cell in cells]


def test_it_holds_whom_the_list_finds(client_of, alice, many):
    rows = rows_of(client_of(alice).post(URL, {"q": "wang"}).content)
    assert [row[0].value for row in rows[1:]] == ["王芳"]
    assert rows[1][-1].value == "Not joined"
    assert Member.objects.count() == 5
