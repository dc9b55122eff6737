"""Property tests: generated members survive export and import, and mutated files the scan."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from accounts.audit.recording import command_actor
from directory.imports.actions import begin_import
from directory.imports.export import chunks_of, export_members
from directory.imports.job import work_on_imports
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.models import Member
from directory.tests.imports.reading.fuzz_scan import fuzz
from directory.tests.imports.workbooks import person, upload, xlsx

# U+FFFD stands for text that was lost, and an import refuses it.
characters = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="\ufffd")
names = st.text(characters, min_size=1, max_size=64)
prefixes = st.from_regex(r"[a-z0-9]{1,6}([._-][a-z0-9]{1,6}){0,3}", fullmatch=True)
members = st.lists(
    st.fixed_dictionaries(
        {
            "name": names,
            "prefix": prefixes,
            "phone": st.integers(0, 99_999_999).map(lambda number: f"138{number:08d}"),
            "departments": st.sampled_from(["", "市场部", "市场部/华东组", "市场部;市场部/华东组"]),
            "position": st.one_of(st.just(""), names),
            "activation": st.sampled_from(["", "手机号", "code"]),
            "aliases": st.one_of(st.just(""), prefixes.map(lambda prefix: f"alias.{prefix}")),
        }
    ),
    min_size=1,
    max_size=8,
)


def run(tenant, alice, content, **options):
    """Run an import from upload to end, and return it."""
    by = command_actor(alice)
    imported = start_import(tenant.root, by=by, upload=upload(content), **options)
    work_on_imports()
    imported.refresh_from_db()
    if imported.to_apply:
        begin_import(imported, by=by)
        work_on_imports()
        imported.refresh_from_db()
    return imported


def counts_of(imported):
    return [imported.created, imported.updated, imported.unchanged, imported.refused]


@trials(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=members)
def test_an_exported_import_is_unchanged_when_imported_again(tenant, alice, django_settings, rows):
    Member.objects.all().delete()
    content = xlsx(*(list(person(1, **row).copy()) for row in rows))
    first = run(tenant, alice, content)
    assert first.created + first.refused == first.read == len(rows)
    assert run(tenant, alice, content).created == 0, "the same file again makes nobody"
    exported = export_members(tenant.enterprise, chunks_of(Member.objects.all()), language="zh-hans")
    if first.created:
        again = run(tenant, alice, exported, mode="update")
        assert counts_of(again) == [0, 0, first.created, 0], [row.problems for row in again.rows.all()]
    assert not list(RowFiles(first.stored).path("x").parent.glob("*.*.plan")), "no draft is left"


@pytest.fixture
def django_settings(settings):
    settings.IMPORT_UPLOADS = 10_000
    return settings


@pytest.mark.sqlite_only
@pytest.mark.parametrize("seed", range(3))
def test_a_twisted_workbook_ends_in_a_verdict(seed):
    verdicts = fuzz(500, seed)
    assert verdicts.total() == 500
    assert verdicts["not_xlsx"]
    assert verdicts["scanned"]
