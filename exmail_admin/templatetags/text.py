"""Template filters that show names, numbers and states as text."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

HUES = 8
# Characters of an address that fit a phone's line.
ADDRESS_LINE_MAX = 32


@register.filter
def initial(name: str) -> str:
    """Return the first letter of a name in upper case, or a dot if it has none."""
    return next((char.upper() for char in str(name) if unicodedata.category(char)[0] == "L"), "·")


@register.filter
def hue(name: str) -> str:
    """Return one of eight colours by name, as text because a number would be localised."""
    return str(sum(map(ord, str(name))) % HUES)


@register.filter
def breakable(address: str) -> str:
    """Let a long address break before @ and dots only."""
    if len(address) <= ADDRESS_LINE_MAX:
        return address
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in re.split(r"(?=[@.])", address)))


@register.filter
def message_tone(message: Any) -> str:
    tones = {
        "sent": "good",
        "delivered": "good",
        "undelivered": "bad",
        "rejected": "bad",
        "unknown": "warn",
        "cancelled": "neutral",
        "expired": "neutral",
    }
    return tones.get(message.state, "accent")


@register.filter
def split(words: str) -> list[str]:
    """Split at spaces, for a loop."""
    return words.split()


@register.filter
def figure(value: Any) -> Any:
    """Group a number's thousands; return text such as "10,000+" unchanged."""
    return f"{value:,}" if isinstance(value, int) else value


@register.filter
def at(values: dict[str, Any] | None, key: str) -> Any:
    """Look up a key held in a variable."""
    return values.get(key) if values else None
