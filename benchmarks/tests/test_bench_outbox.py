"""`manage.py bench_outbox` runs anywhere and leaves nothing behind. It asserts no time."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings


def test_table_has_a_line_for_each_way(tmp_path):
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "SECRET_KEY": settings.SECRET_KEY,
        "DEBUG": "1",
    }
    command = [sys.executable, "manage.py", "bench_outbox", "--messages", "50", "--rounds", "1"]
    run = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert [line[:24].strip() for line in lines[2:]] == [
        "limit: one UPDATE",
        "claimed row by row",
        "claim and record",
        "deliver to the file",
        "queue",
        "queue and deliver",
    ]
    assert not list(tmp_path.iterdir())
