"""`manage.py bench_qr` runs anywhere and leaves nothing behind. It asserts no time."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings


def test_table_has_its_lines_and_nothing_failed(tmp_path):
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "SECRET_KEY": settings.SECRET_KEY,
        "DEBUG": "1",
        "VAR_DIR": str(tmp_path / "var"),
    }
    command = [sys.executable, "manage.py", "bench_qr", "--desktops", "10", "--seconds", "1"]
    run = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert [line[:22].strip() for line in lines[2:5]] == ["/login/ alone", "/login/ beside them", "their polls"]
    assert [line.split()[-1] for line in lines[2:5]] == ["0", "0", "0"]
    assert not list(tmp_path.glob("db*"))
