"""Where workers are killed: by processes of their own, on PostgreSQL in a database beside the tests' own, else in an
SQLite file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

TELL = """
import django, importlib, json, pathlib, sys
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
print(json.dumps(importlib.import_module(sys.argv[1]).tell_all(pathlib.Path(sys.argv[2]))))
"""


def told_in_another_database(folder: Path, module: str) -> dict[str, Any]:
    """What `tell_all(folder)` of this module tells there."""
    url = f"sqlite:///{folder}/db.sqlite3"
    name = f"{connection.settings_dict['NAME']}_killed"
    if connection.vendor == "postgresql":
        url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    environment = os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "exmail_admin.settings",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    try:
        told = subprocess.run(
            [sys.executable, "-c", TELL, module, str(folder)], env=environment, capture_output=True, text=True,
            check=False, cwd=settings.BASE_DIR,
        )  # fmt: skip
    finally:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert told.returncode == 0, told.stderr[-3000:]
    return json.loads(told.stdout.splitlines()[-1])
