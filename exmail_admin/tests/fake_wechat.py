"""A fake WeChat server: the page with the code to scan, and the two API calls."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


class FakeWechat(BaseHTTPRequestHandler):
    """Who scans is the openid of the page's one button; the class holds what was asked."""

    openid, unionid, nickname = "oLVPpjqs9BhvzwPj5A", "o6_bmasdasdsad6_2sg", "小林"
    codes: set[str] = set()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/connect/qrconnect":
            return self.show_page(asked)
        if address.path == "/sns/userinfo" and asked["openid"] == self.openid:
            return self.say(
                {"openid": self.openid, "unionid": self.unionid, "nickname": self.nickname, "privilege": []}
            )
        return self.say({"errcode": 40003, "errmsg": "invalid openid"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        code = parse_qs(body).get("code", [""])[0]
        if code not in self.codes:
            return self.say({"errcode": 40029, "errmsg": "invalid code"})
        self.codes.discard(code)
        return self.say({"access_token": "72_x", "expires_in": 7200, "openid": self.openid, "scope": "snsapi_login"})

    def show_page(self, asked: dict[str, str]) -> None:
        code = f"code-{len(asked['state'])}-{asked['state']}"
        self.codes.add(code)
        ways = {"allow": {"code": code, "state": asked["state"]}, "decline": {"state": asked["state"]}}
        links = "".join(
            f'<a id="{name}" href="{html.escape(asked["redirect_uri"])}?{urlencode(query)}">{name}</a> '
            for name, query in ways.items()
        )
        self.answer("text/html; charset=utf-8", f"<!doctype html><title>WeChat</title>{links}".encode())

    def say(self, body: dict[str, object]) -> None:
        self.answer("text/plain", json.dumps(body, ensure_ascii=False).encode())

    def answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def fake_wechat() -> Iterator[str]:
    """Run the server; yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeWechat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
