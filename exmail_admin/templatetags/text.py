"""Names, numbers and states as text, for all templates."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

HUES = 8

LINE_SIGNS = 32


@register.filter
def initial(name: str) -> str:
    """The first letter of a name in capitals, whatever signs stand before it; a dot if there is none."""
    return next((sign.upper() for sign in str(name) if unicodedata.category(sign)[0] == "L"), "·")


@register.filter
def hue(name: str) -> str:
    """One of eight colours, the same for the same name on every page. A text: a number would be localised."""
    return str(sum(map(ord, str(name))) % HUES)


@register.filter
def breakable(address: str) -> str:
    """An address longer than a phone's line breaks before its @ and dots, not in the midst of a word."""
    if len(address) <= LINE_SIGNS:
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
    """Words apart by spaces, to loop over."""
    return words.split()


@register.filter
def figure(value: Any) -> Any:
    """A number with its thousands apart; words such as "10,000+" as they are."""
    return f"{value:,}" if isinstance(value, int) else value


@register.filter
def at(values: dict[str, Any] | None, key: str) -> Any:
    """What a mapping holds under a key that stands in a variable."""
    return values.get(key) if values else None
