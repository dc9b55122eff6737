"""What benchmarks share: a database of their own, CPU time, and a signed-in client."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import Role


@contextmanager
def own_database() -> Iterator[tuple[Path, str]]:
    """Create a database, use it, and drop it afterwards. Yield a temporary folder and the database's URL."""
    name = connection.settings_dict["NAME"]
    current_app.conf.broker_url = "memory://localhost/"  # wakes no worker
    with TemporaryDirectory() as folder:
        is_sqlite = connection.vendor == "sqlite"
        own = f"{folder}/db.sqlite3" if is_sqlite else f"bench_{name}"
        connection.settings_dict["TEST"]["NAME"] = own
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            url = f"sqlite:///{own}" if is_sqlite else os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{own}"
            yield Path(folder), url
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def database_cpu_seconds() -> float:
    """Return the CPU seconds of the PostgreSQL backend; 0 if it runs elsewhere, and for SQLite."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        status = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return int(status.read_text().split()[0]) / 1e9 if status.exists() else 0


def signed_in_client(role: Role) -> Client:
    """Return a client in the console as this role, with a fresh second factor."""
    public = urlsplit(settings.PUBLIC_URL)
    client = Client(SERVER_NAME=public.hostname or "localhost")
    client.defaults["wsgi.url_scheme"] = public.scheme
    client.force_login(role.user)
    session, now = client.session, int(time.time())
    session.update({"enterprise": role.enterprise_id, "method": "password", "signed_in_at": now, "seen_at": now})
    session.update({"factor_at": now, "proved_at": now})
    session.save()
    return client
