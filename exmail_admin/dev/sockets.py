"""Where the embedded Redis-compatible server listens."""

import hashlib
import os
import tempfile
from pathlib import Path

# The kernel keeps 108 bytes for a socket's path (104 on macOS), the last one a zero.
MAX_PATH_BYTES = 100


def embedded_socket(var: Path) -> Path:
    """`valkey.sock` in `var`; if that path is too long for a socket, the same short path each time in the
    system's directory for temporary files."""
    path = var / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"exmail-admin-{digest}" / "valkey.sock"
