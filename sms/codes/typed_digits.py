"""Read the digits of a code from what a person typed or pasted."""

from __future__ import annotations

import re
import unicodedata

# Characters; a whole SMS fits.
TYPED_MAX = 1000


def read_digits(text: str, *lengths: int) -> str:
    """Return the digits of the code in `text`, which has one of `lengths`; "" if there is not exactly one.

    A code alone may be grouped and in any digits, such as `１２３ 456` or `G-123456`. In other text, such as a whole
    message, it is the only number of that length.
    """
    if len(text) > TYPED_MAX:
        return ""
    plain = "".join(_plain(character) for character in unicodedata.normalize("NFKC", text))
    if alone := re.fullmatch(r"(?:[A-Za-z]{1,3})?(\d+)", re.sub(r"[\s-]", "", plain), re.ASCII):
        return alone[1] if len(alone[1]) in lengths else ""
    numbers = {number for number in re.findall(r"\d+", plain, re.ASCII) if len(number) in lengths}
    return numbers.pop() if len(numbers) == 1 else ""


def _plain(character: str) -> str:
    """Return ASCII digits, blanks and hyphens for those of all scripts, and nothing for an invisible character."""
    if character.isspace():
        return " "
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Pd":
            return "-"
    return str(unicodedata.decimal(character, character))
