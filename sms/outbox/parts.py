"""How many parts a text is sent in, which is what a provider charges for (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

import math

# The basic character set of GSM-7, one septet each, and its extension, two septets each.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€\f")
# Septets, or UTF-16 code units, of a message in one part, and of each part of several, which carry a header.
GSM_ALONE, GSM_EACH = 160, 153
UCS2_ALONE, UCS2_EACH = 70, 67


def count_parts(text: str) -> int:
    """Return the number of parts of a text that is sent in one SMS."""
    if BASIC.union(EXTENSION).issuperset(text):
        return _split(sum(2 if character in EXTENSION else 1 for character in text), GSM_ALONE, GSM_EACH)
    return _split(len(text.encode("utf-16-be")) // 2, UCS2_ALONE, UCS2_EACH)


def _split(length: int, alone: int, each: int) -> int:
    return 1 if length <= alone else math.ceil(length / each)
