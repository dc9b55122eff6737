"""Redact phone numbers, tokens of links, one-time codes and passwords in log lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
SECRET_NAMES = re.compile(r"code$|token|password|secret|phone|encrypted|authorization|cookie|dsn", re.IGNORECASE)
# Numbers that may look like codes.
PLAIN_NAMES = {"ms", "status", "pid", "process", "thread", "lineno", "timestamp", "request_id", "size", "bytes"}

RULES = (
    # tokens after /i/ /j/ /q/ /a/, also inside an encoded ?next=
    (re.compile(r"((?:/|%2F)[ijqa](?:/|%2F))[^/\s\"'?&%<>]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # E.164, also with spaces: +1 415 555 2671
    (re.compile(r"\+\d(?:[ -]?\d){3,9}((?:[ -]?\d){4})(?!\d)"), r"+***\1"),
    # Chinese mobile numbers, with or without spaces and country code
    (re.compile(r"(?<!\d)(?:[0０]{2})?(?:[8８][6６][ -]?)?([1１]\d\d)[ -]?\d{4}[ -]?(\d{4})(?!\d)"), r"\1****\2"),
    (re.compile(r"(?<!\w)\d{6}(?!\w)"), "******"),
)


def redact_text(text: str) -> str:
    """Mask phones, and hide tokens and 6-digit codes."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any) -> Any:
    """Redact a value and, recursively, its items."""
    match value:
        case None | bool() | float():
            return value
        case int():
            text = redact_text(str(value))
            return value if text == str(value) else text
        case Mapping():
            return {key: redact_named(str(key), each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(each) for each in value]
        case bytes():
            return redact_text(value.decode(errors="replace"))
        case _:
            return redact_text(str(value))


def redact_named(name: str, value: Any) -> Any:
    """Redact a named value: some names hide it completely, some show it as it is."""
    if name in PLAIN_NAMES:
        return value
    if SECRET_NAMES.search(name) and value:
        return HIDDEN
    return redact(value)
