"""A fake of Twilio's API that fails on demand. Its ledger contains the accepted messages."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT = "AC" + "0" * 32


class FakeTwilio(ThreadingHTTPServer):
    """`say(how)` decides the next answer, by default acceptance; `ledger` lists what was accepted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.ledger: list[dict[str, str]] = []
        self.requests: list[dict[str, str]] = []
        self.words: list[dict[str, Any]] = []
        self.paths: list[str] = []
        # How many messages were handed over at the same time.
        self.most_at_once = 0
        self._under_way = 0
        self._lock = threading.Lock()
        # What its list says of a message it accepted; how the next questions for the list are answered.
        self.status = "sent"
        self.list_words: list[dict[str, Any]] = []

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        yield
        with self._lock:
            self._under_way -= 1

    def say(self, **how: Any) -> None:
        self.words.append(how)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeTwilio

    def handle(self) -> None:
        """Wait until either side closes the connection."""
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {key: values[0] for key, values in parse_qs(body).items()}
        self.server.requests.append(form)
        self.server.paths.append(self.path)
        how = self.server.words.pop(0) if self.server.words else {}
        if how.get("accept", how.get("status", 201) == 201):
            self.server.ledger.append(form)
        with self.server.counted():
            time.sleep(how.get("delay", 0))
        if how.get("reset"):
            self.reset(how["reset"])
            return
        self.answer(how, form)

    def do_GET(self) -> None:
        """Answer the request for the messages to a number."""
        how = self.server.list_words.pop(0) if self.server.list_words else {}
        to = parse_qs(urlsplit(self.path).query).get("To", [""])[0]
        messages = [accepted(form) | {"status": self.server.status} for form in self.server.ledger if form["To"] == to]
        listed = {"messages": [] if how.get("lags") else messages, "page": 0, "next_page_uri": None}
        self.answer({"status": 200, "json": listed, **how}, {})

    def answer(self, how: dict[str, Any], form: dict[str, str]) -> None:
        status = how.get("status", 201)
        fitting = how.get("json") or accepted(form) if status in {200, 201} else refused(how)
        text = how.get("text") or json.dumps(fitting)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in how.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def reset(self, when: str) -> None:
        if when == "in the middle":
            self.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
            self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Log nothing."""


def accepted(form: dict[str, str]) -> dict[str, Any]:
    return {
        "sid": "SM" + "1" * 32,
        "account_sid": ACCOUNT,
        "status": "queued",
        "to": form["To"],
        "body": form["Body"],
        "date_created": formatdate(),
    }


def refused(how: dict[str, Any]) -> dict[str, Any]:
    return {"code": how.get("code", how["status"]), "message": "No.", "status": how["status"], "more_info": ""}


@contextmanager
def fake_twilio():
    """Run the server on a free port."""
    server = FakeTwilio()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
