"""Where the console listens, and under which address people reach it."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from exmail_admin.dev.setup import StartRefused

BUSY_SECONDS = 2


@dataclass(frozen=True)
class Place:
    """`host` and `port` to listen on; `name` is what others write into their browsers."""

    host: str
    port: int
    name: str

    @property
    def url(self) -> str:
        return self._url(self.name)

    @property
    def local_url(self) -> str:
        """The same for a program on this machine."""
        return self._url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))  # noqa: S104

    def _url(self, name: str) -> str:
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def read_place(environment: Mapping[str, str]) -> Place:
    """HOST and PORT as a place; StartRefused for nonsense."""
    host = environment.get("HOST") or "127.0.0.1"
    port = environment.get("PORT") or "8000"
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise StartRefused(f"PORT must be a number from 1 to 65535, not {port!r}.")
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - the person asked for it
        return Place(host, int(port), network_address())
    return Place(host, int(port), host)


def network_address() -> str:
    """This machine's address in the local network, loopback if it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def listen(place: Place) -> socket.socket:
    """The listening socket, which the web server's processes share; StartRefused if it can't be had."""
    end = time.monotonic() + BUSY_SECONDS
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise StartRefused(f"HOST={place.host} is no address of this machine.") from error
    while True:
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            if time.monotonic() > end:  # a run that is just ending may still hold it
                raise StartRefused(refusal(place, error)) from error
            time.sleep(0.1)


def refusal(place: Place, error: OSError) -> str:
    """The sentence for a port that can't be had."""
    if isinstance(error, PermissionError):
        return f"Port {place.port} needs more rights than this user has; choose another, such as PORT=8000."
    if error.errno == errno.EADDRINUSE:
        return f"Port {place.port} is in use by another program; choose another, such as PORT={place.port % 60000 + 1}."
    return f"{place.host}:{place.port} can't be listened on: {error.strerror}."
