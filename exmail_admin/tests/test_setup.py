"""`make setup`: its refusals, in one sentence each."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from exmail_admin.dev.setup import StartRefused, missing_columns, prepare_database, unknown_migrations


@pytest.mark.django_db
def test_a_database_of_another_version_is_refused_and_left_alone():
    assert unknown_migrations() == []
    MigrationRecorder(connection).record_applied("directory", "0099_from_the_future")
    with pytest.raises(StartRefused, match=r"directory\.0099_from_the_future, which is unknown here"):
        prepare_database()


@pytest.mark.django_db
def test_a_database_whose_initial_migrations_were_older_is_refused():
    assert missing_columns() == []
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_counter RENAME COLUMN count TO number")
    with pytest.raises(
        StartRefused, match=r"another version: it lacks the column core_counter\.count\. Use that version"
    ):
        prepare_database()
