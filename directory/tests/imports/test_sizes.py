"""S3 to S5 of the catalogue at the real limits: 200,000 rows are read; 200,001 and a million are refused."""

import pytest

from accounts.audit.recording import command_actor
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.models import Import
from directory.tests.imports.workbooks import raw, row_xml, sheet_xml, upload

# A file of 200,000 rows takes seconds, and is the same whatever the database is.
pytestmark = [pytest.mark.sqlite_only, pytest.mark.reader_process]
HEAD = row_xml(1, "姓名", "邮箱前缀", "手机号")


@pytest.fixture(scope="module")
def rows():
    """Return a workbook of 200,000 rows without cell references and shared strings, the fastest to write."""
    text = '<c t="inlineStr"><is><t>{}</t></is></c>'.format
    return [f"<row>{text(f'成员{n}')}{text(f'm{n}')}<c><v>{13900000000 + n}</v></c></row>" for n in range(200_000)]


def sheet_of(rows):
    return raw(sheet_xml(HEAD + "".join(rows)), level=1)


def test_s3_two_hundred_thousand_rows_are_read(tenant, alice, rows):
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(sheet_of(rows)))
    assert imported.heading["child_memory"] < 300 * 1024
    with (RowFiles(imported.stored).path("rows")).open() as lines:
        assert sum(1 for _line in lines) == 200_001


@pytest.mark.parametrize(
    "number", [pytest.param(200_001, id="S4"), pytest.param(1_000_000, id="S5", marks=pytest.mark.slow)]
)
def test_s4_s5_one_row_more_is_refused_and_so_is_a_million(tenant, alice, rows, number):
    many = [*rows * (number // len(rows)), *rows[: number % len(rows)]]
    with pytest.raises(WorkbookRefused) as refused:
        start_import(tenant.root, by=command_actor(alice), upload=upload(sheet_of(many)))
    assert refused.value.code == "row_limit"
    assert not Import.objects.exists()
