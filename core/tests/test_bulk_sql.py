"""Many rows in one statement: the values of every kind of column, and the database's last word."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditCheck, Enterprise
from core.bulk_sql import delete_rows, insert_rows, update_rows


@pytest.fixture
def three(db):
    return [Enterprise.objects.create(name=f"{number}号") for number in range(3)]


def test_each_row_gets_its_own_values_and_other_rows_keep_theirs(three, other_tenant):
    rows = [(three[0].pk, "甲{,}\"\\'", False), (three[2].pk, "NULL", True)]
    update_rows(Enterprise, ("name", "is_joining_open"), rows)
    update_rows(Enterprise, ("name",), [])
    found = Enterprise.objects.order_by("pk").filter(pk__in=[one.pk for one in three])
    assert [(one.name, one.is_joining_open) for one in found] == [
        ("甲{,}\"\\'", False),
        ("1号", three[1].is_joining_open),
        ("NULL", True),
    ]
    other_tenant.enterprise.refresh_from_db()
    assert other_tenant.enterprise.name == "别家公司"


def test_datetimes_and_none_are_stored_unchanged(three):
    now = timezone.now()
    insert_rows(
        AuditCheck,
        ("enterprise_id", "length", "number", "head", "started_at", "finished_at", "broken_number", "why",
         "proven_number", "proven_head", "key_id", "mac", "failures", "lease", "lease_until"),
        [(one.pk, 5, 2, "", now, None, None, "", 0, "", "", "", 0, "", None) for one in three],
    )  # fmt: skip
    ids = [one.pk for one in AuditCheck.objects.order_by("pk")]
    columns = ("finished_at", "broken_number", "why")
    update_rows(AuditCheck, columns, [(ids[0], now, 3, "x"), (ids[1], None, None, "y")])
    found = AuditCheck.objects.order_by("pk").values_list("started_at", *columns)
    assert list(found) == [(now, now, 3, "x"), (now, None, None, "y"), (now, None, None, "")]


def test_only_the_rows_with_these_ids_are_deleted(three):
    delete_rows(Enterprise, "id", [three[0].pk, three[2].pk])
    assert list(Enterprise.objects.filter(pk__in=[one.pk for one in three])) == [three[1]]
    delete_rows(Enterprise, "id", [])
    assert Enterprise.objects.filter(pk=three[1].pk).exists()


def test_constraint_violations_and_overlong_values_are_refused(three):
    with pytest.raises(IntegrityError), transaction.atomic():
        update_rows(Enterprise, ("name",), [(three[0].pk, None)])


@pytest.mark.postgres
def test_an_overlong_text_is_not_truncated(three):
    with pytest.raises(DatabaseError), transaction.atomic():
        update_rows(Enterprise, ("name",), [(three[0].pk, "x" * 300)])
