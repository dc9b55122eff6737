"""What no log line may hold: phone numbers, the tokens of links, one-time codes, passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
SECRET_NAMES = re.compile(r"code$|token|password|secret|phone|encrypted|authorization|cookie|dsn", re.IGNORECASE)
# Figures that look like codes and are none.
PLAIN_NAMES = {"ms", "status", "pid", "process", "thread", "lineno", "timestamp", "request_id", "size", "bytes"}

RULES = (
    # /i/ /j/ /q/ /a/ and what follows, also inside an encoded ?next=
    (re.compile(r"((?:/|%2F)[ijqa](?:/|%2F))[^/\s\"'?&%<>]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # E.164, also as people write it: +1 415 555 2671
    (re.compile(r"\+\d(?:[ -]?\d){3,9}((?:[ -]?\d){4})(?!\d)"), r"+***\1"),
    # mainland mobiles, with or without blanks and country code
    (re.compile(r"(?<!\d)(?:[0０]{2})?(?:[8８][6６][ -]?)?([1１]\d\d)[ -]?\d{4}[ -]?(\d{4})(?!\d)"), r"\1****\2"),
    (re.compile(r"(?<!\w)\d{6}(?!\w)"), "******"),
)


def redact_text(text: str) -> str:
    """The text with phones masked but for their ends, tokens and 6-digit codes hidden."""
    for pattern, put in RULES:
        text = pattern.sub(put, text)
    return text


def redact(value: Any) -> Any:
    """The same for whatever a log call or an error report carries, as deep as it goes."""
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
    """The value under a name: some names are enough to hide all, some to show all."""
    if name in PLAIN_NAMES:
        return value
    if SECRET_NAMES.search(name) and value:
        return HIDDEN
    return redact(value)
