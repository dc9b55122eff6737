"""Pages of the demo: all components, and a phone that shows the messages of the file gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from itertools import cycle
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Enterprise, Role, User
from exmail_admin.demo.components import bench_context
from sms.phones import show_phone

TAIL_LINES = 200
TAIL_BYTES = 256 * 1024
PARTS = re.compile(r"(https?://[^\s，。；、）】]+)|(?<!\d)(\d{6})(?!\d)")

View = Callable[[HttpRequest], HttpResponse]


def debug_only(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not settings.HAS_DEMO:
            raise Http404
        return view(request)

    return guarded


@require_safe
@debug_only
def demo_components(request: HttpRequest) -> HttpResponse:
    # Not saved; the page shows the console's navigation of an owner.
    request.user = User(login="owner", name="王明")
    request.enterprise = Enterprise(name="示例科技有限公司")  # type: ignore[attr-defined]
    request.role = Role(name=Role.Name.OWNER)  # type: ignore[attr-defined]
    return render(request, "exmail_admin/demo_components.html", bench_context())


@require_safe
@debug_only
def demo_phone(request: HttpRequest) -> HttpResponse:
    path = Path(settings.SMS_FILE)
    mark = mark_of(path)
    if request.GET.get("seen") == mark:
        return HttpResponse(status=204)  # the page stays as it is, with any selection
    return render(request, "exmail_admin/demo_phone.html", {"phones": phones(path), "mark": mark})


def mark_of(path: Path) -> str:
    """Return a value that changes when the file grows; the page polls with the value it shows."""
    return str(path.stat().st_size) if path.exists() else "0"


def phones(path: Path) -> list[dict[str, Any]]:
    """Return the last messages of the file gateway, grouped by number, newest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in reversed(last_messages(path)):
        found.setdefault(message["to"], []).append(message)
    return [{"number": show_phone(number), "messages": messages} for number, messages in found.items()]


def last_messages(path: Path) -> list[dict[str, Any]]:
    """Return the messages at the end of the file, without truncated lines."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        lines = file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()
    return [message for line in lines[-TAIL_LINES:] if (message := read_line(line))]


def read_line(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
        return {
            "to": str(found["to"]),
            "kind": str(found["kind"]),
            "parts": split_text(str(found["text"])),
            "at": datetime.fromisoformat(found["at"]),
        }
    except (ValueError, KeyError, TypeError):
        return None


def split_text(text: str) -> list[dict[str, str]]:
    """Split the text into plain text, links and codes."""
    kinds = cycle(("text", "link", "code"))
    return [{"kind": kind, "text": part} for kind, part in zip(kinds, PARTS.split(text), strict=False) if part]
