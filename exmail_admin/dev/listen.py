"""The address on which the console listens, and the one by which it is reached."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from exmail_admin.dev.setup import StartRefused

BUSY_SECONDS = 2


@dataclass(frozen=True)
class ListenAddress:
    """`host` and `port` to listen on; `name` is the host in the console's URL."""

    host: str
    port: int
    name: str

    @property
    def url(self) -> str:
        return self._url(self.name)

    @property
    def local_url(self) -> str:
        """Return the URL for a program on this machine."""
        return self._url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))  # noqa: S104

    def _url(self, name: str) -> str:
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def read_address(environment: Mapping[str, str]) -> ListenAddress:
    """Return the address set by HOST and PORT. Raise StartRefused."""
    host = environment.get("HOST") or "127.0.0.1"
    port = environment.get("PORT") or "8000"
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise StartRefused(f"PORT must be a number from 1 to 65535, not {port!r}.")
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - the person asked for it
        return ListenAddress(host, int(port), network_address())
    return ListenAddress(host, int(port), host)


def network_address() -> str:
    """Return this machine's address in the local network, or loopback. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def listen(address: ListenAddress) -> socket.socket:
    """Return the listening socket, which the web server's processes share. Raise StartRefused."""
    end = time.monotonic() + BUSY_SECONDS
    try:
        family, kind, protocol, _, bound = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise StartRefused(f"HOST={address.host} is no address of this machine.") from error
    while True:
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(bound)
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            if time.monotonic() > end:  # an ending run may still use the port
                raise StartRefused(explain(address, error)) from error
            time.sleep(0.1)


def explain(address: ListenAddress, error: OSError) -> str:
    """Return a sentence on why the port can't be used."""
    port = address.port
    if isinstance(error, PermissionError):
        return f"Port {port} needs more rights than this user has; choose another, such as PORT=8000."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program; choose another, such as PORT={port % 60000 + 1}."
    return f"{address.host}:{port} can't be listened on: {error.strerror}."
