"""`make setup`: its refusals, in one sentence each."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from exmail_admin.dev.setup import StartRefused, prepare_database, unknown_migrations


@pytest.mark.django_db
def test_a_database_of_another_version_is_refused_and_left_alone():
    assert unknown_migrations() == []
    MigrationRecorder(connection).record_applied("directory", "0099_from_the_future")
    with pytest.raises(StartRefused, match=r"directory\.0099_from_the_future, which is unknown here"):
        prepare_database()
