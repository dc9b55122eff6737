"""A worker is killed with -9 at each point of a message's way (security.md 5.3): nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

TELL = """
import django, json, pathlib, sys
django.setup()
from django.core.management import call_command
from sms.tests.doomed import tell_all
call_command("migrate", verbosity=0)
print(json.dumps(tell_all(pathlib.Path(sys.argv[1]))))
"""
PHONES = ["+8613800138001", "+8613800138002", "+8613800138003"]


@pytest.fixture(scope="module")
def results(tmp_path_factory, django_db_setup, django_db_blocker):
    """Told by processes of their own: on PostgreSQL in the tests' database, else in an SQLite file."""
    folder = tmp_path_factory.mktemp("doomed")
    url = f"sqlite:///{folder}/db.sqlite3"
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            name = connection.settings_dict["NAME"]
        url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "exmail_admin.settings",
    }
    told = subprocess.run(
        [sys.executable, "-c", TELL, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.BASE_DIR,
    )
    return json.loads(told.stdout)


@pytest.mark.parametrize("point", ["p3", "p4", "p4 torn", "p5", "p6"])
def test_file_gateway_looks_up_what_it_wrote_and_sends_the_rest_once(results, point):
    result = results[f"file {point}"]
    assert result["killed_with"] == (["sent"] * 3 if point == "p6" else ["claimed"] * 3)
    assert result["states"] == ["sent"] * 3
    assert result["handed_over"] == PHONES
    assert result["sealed"] == 0


@pytest.mark.parametrize(("point", "handed_over"), [("p3", PHONES[1:]), ("p4", PHONES), ("p5", PHONES), ("p6", PHONES)])
def test_network_gateway_leaves_at_most_one_unknown_and_sends_nothing_twice(results, point, handed_over):
    result = results[f"network {point}"]
    assert result["states"] == (["sent"] * 3 if point == "p6" else ["sent", "sent", "unknown"])
    assert result["handed_over"] == handed_over
    assert result["sealed"] == 0
