"""gunicorn's threaded worker, but a thread gets a request only once all of it has arrived.

Its event loop collects headers and bodies, so that any number of slow clients occupies no thread. Headers must arrive
within HEADER_SECONDS, bodies at MIN_BYTES_PER_SECOND after as long; else the connection is closed.
"""

from __future__ import annotations

import contextlib
import io
import re
import selectors
import socket
import tempfile
import time
from functools import partial
from typing import IO, Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
MIN_BYTES_PER_SECOND = 500  # Apache's mod_reqtimeout has the same default
# Longer bodies, which the console refuses, go to a thread with their first bytes, those without Content-Length at once.
BODY_BYTES = 64 * 1024 * 1024
RECEIVED_BYTES = 64 * 1024  # at a time
LINGER_SECONDS = 0.2  # how long a thread waits for the rest of such a body
MEMORY_BYTES = 64 * 1024  # the rest of a request is in a temporary file
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class Arrival:
    """A request that is arriving on `conn`. `missing` is the number of bytes to come; None: the headers' end too."""

    def __init__(self, conn: Connection, received: bytes) -> None:
        self.conn, self.head, self.size = conn, b"", 0
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 (the unreader closes it)
        self.missing: int | None = None
        self.is_whole = True
        self.deadline = time.monotonic() + HEADER_SECONDS
        self.add(received)

    def add(self, data: bytes) -> None:
        """Store what was received. Raise OSError if the disk is full."""
        self.file.write(data)
        self.size += len(data)
        if self.missing is not None:
            self.missing -= len(data)
            self.deadline += len(data) / MIN_BYTES_PER_SECOND
            return
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end >= 0:
            self._expect_body(self.head[: end + 2], len(self.head) - end - 4)

    @property
    def is_too_long(self) -> bool:
        """True if the headers have no end."""
        return self.missing is None and self.size > HEADER_BYTES

    def _expect_body(self, head: bytes, received: int) -> None:
        length = CONTENT_LENGTH.search(head)
        size = int(length[1]) if length else 0
        self.is_whole = size <= BODY_BYTES and not CHUNKED.search(head)
        self.missing = max(0, (size if self.is_whole else min(size, MEMORY_BYTES)) - received)
        self.deadline = time.monotonic() + HEADER_SECONDS + received / MIN_BYTES_PER_SECOND


class StoredUnreader(SocketUnreader):
    """Read what has arrived, then from the socket, for LINGER_SECONDS altogether."""

    def __init__(self, sock: socket.socket, file: IO[bytes]) -> None:
        super().__init__(sock)
        self.file, self.deadline = file, 0.0
        file.seek(0)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes. Raise TimeoutError. gunicorn copies what it asked for too early again at each read."""
        if stored := self.file.read(min(max(size_hint or 0, self.mxchunk), RECEIVED_BYTES)):
            return stored
        self.deadline = self.deadline or time.monotonic() + LINGER_SECONDS
        self.sock.settimeout(max(0.001, self.deadline - time.monotonic()))
        try:
            return super().chunk(size_hint)
        finally:
            self.sock.settimeout(None)

    def buffer_rest(self) -> None:
        """Move the beginning of a pipelined request to the buffer, where gunicorn looks for it."""
        self.buf.seek(0, io.SEEK_END)
        self.buf.write(self.file.read())
        self.file.close()


class Connection(TConn):
    is_whole = True

    def close(self, graceful: bool = False) -> None:
        """Close without waiting for the client, which would hold up the event loop; a whole request leaves no rest."""
        super().close()


class WholeRequestWorker(ThreadWorker):
    """See the module's docstring."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arrivals: set[Arrival] = set()

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            sock, address = listener.accept()
            self.nr_conns += 1
            self.enqueue_req(Connection(self.cfg, sock, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Collect the connection's next request before a thread gets it."""
        arrival = Arrival(conn, conn.parser.unreader.take_buffered() if conn.parser else b"")
        conn.sock.setblocking(False)
        self.arrivals.add(arrival)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, arrival))
        if arrival.missing == 0:
            self._hand_over(arrival)

    def murder_pending(self) -> None:
        """Also close connections whose request is late, and idle ones while the worker stops."""
        super().murder_pending()
        now = time.monotonic()
        for arrival in [each for each in self.arrivals if now > each.deadline or not (self.alive or each.size)]:
            self._drop(arrival, TIMED_OUT if arrival.size else b"")

    def handle(self, conn: Connection) -> Any:
        """Answer a request in a thread. What a client goes on sending is not waited for."""
        keeps = super().handle(conn)
        if not conn.is_whole:
            close_graceful(conn.sock, timeout=LINGER_SECONDS)
        return keeps

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        keeps = conn.is_whole and super()._keepalive_after(conn, keepalive)
        if keeps:
            conn.parser.unreader.buffer_rest()
        return keeps

    def _receive(self, arrival: Arrival, sock: socket.socket) -> None:
        try:
            data = sock.recv(min(arrival.missing or RECEIVED_BYTES, RECEIVED_BYTES))
            arrival.add(data)
        except BlockingIOError:
            return
        except OSError:  # the client is gone, or the disk is full
            data = b""
        if not data or arrival.is_too_long:
            self._drop(arrival)
        elif arrival.missing == 0:
            self._hand_over(arrival)

    def _hand_over(self, arrival: Arrival) -> None:
        self._forget(arrival)
        conn = arrival.conn
        conn.init()
        conn.parser.unreader = StoredUnreader(conn.sock, arrival.file)
        conn.is_whole, conn.data_ready = arrival.is_whole, True
        super().enqueue_req(conn)

    def _drop(self, arrival: Arrival, answer: bytes = b"") -> None:
        self._forget(arrival)
        with contextlib.suppress(OSError):
            arrival.conn.sock.send(answer)
        arrival.file.close()
        arrival.conn.close()
        self.nr_conns -= 1

    def _forget(self, arrival: Arrival) -> None:
        self.arrivals.discard(arrival)
        self.poller.unregister(arrival.conn.sock)
