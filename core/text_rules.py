"""Validation of names; the rules of each kind of name build on these."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

ENTERPRISE_NAME_MAX = 64
NO_NAME = gettext_lazy("Enter the enterprise's name.")

# The zero-width joiner, which emoji need; other invisible characters only deceive.
ALLOWED_INVISIBLE = "\u200d"
# Control and format characters, lone surrogates, line and paragraph separators.
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Not trimmed, for they reverse what follows.
DIRECTION_OVERRIDES = "\u202d\u202e"
# Letters, marks and symbols that show nothing: Hangul fillers, the combining grapheme joiner, Khmer inherent vowels,
# the blank Braille pattern and the null notehead.
INKLESS = "\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\u2800\U0001d159"
# What U+2E81 to U+2EF3 are equivalent to (EquivalentUnifiedIdeograph.txt of Unicode 14); U+2E9A is unassigned.
RADICALS_SUPPLEMENT = (
    "厂乛乚乙亻冂𠘨刀刂卜㔾小尐兀尣尢𡯂巳幺彑彐忄心扌攵⺚旡日月歺母民氵氺灬爫爬丬牛犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀"
    "聿肉𦥑艹艺艻虎衤覀西见角𧢲讠贝𧾷车辶辷辸邑钅長镸长门𨸏阝雨青韦页风飞食𩙿飠饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟"
)
# Radicals look like hanzi, but only hanzi are found, sorted and read.
HANZI_OF_RADICALS = {
    **dict(enumerate(RADICALS_SUPPLEMENT, 0x2E81)),
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)},
}
_SUSPECTS = frozenset([*INKLESS, *map(chr, HANZI_OF_RADICALS)])
_SPACES = re.compile(r"[^\S\n\r\t\v\f\x1c-\x1f\x85]+")


def clean_enterprise_name(text: str) -> str:
    return clean_required(text, ENTERPRISE_NAME_MAX, missing=NO_NAME)


def clean_required(text: str, limit: int, *, missing: Any) -> str:
    """Return the normalized text. Raises ValidationError: with `missing` if it is blank, or if it may not be used."""
    if text and _is_plain(text) and any(map(str.isalnum, text)):
        return refuse_longer(text.strip(), limit)
    normalized = normalize_spaces(text)
    if not normalized:
        raise ValidationError(_("Enter visible text.") if text and text.strip() else missing)
    refuse_invisible(normalized)
    return refuse_longer(normalized, limit)


def clean_fields(rules: Mapping[str, Callable[[str], str]], /, **typed: str) -> dict[str, str]:
    """Return each text cleaned by the rule of its name. Raises one ValidationError with the errors of all fields."""
    cleaned: dict[str, str] = {}
    errors: dict[str, ValidationError] = {}
    for name, text in typed.items():
        try:
            cleaned[name] = rules[name](text)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)
    return cleaned


def normalize_spaces(text: str) -> str:
    """Return the text in NFC, with hanzi for radicals, its ends trimmed and runs of spaces collapsed.

    Blank and invisible characters are trimmed; line breaks, controls and invisible characters inside the text stay.
    """
    if text and _is_plain(text):
        return text.strip()
    composed = unicodedata.normalize("NFC", text or "").translate(HANZI_OF_RADICALS)
    return _SPACES.sub(" ", _without_blank_ends(composed))


def _is_plain(text: str) -> bool:
    """True of nearly every name: nothing to repair but the ends. An import asks for each row."""
    return (
        text.isprintable()
        and "  " not in text
        and (text.isascii() or (_SUSPECTS.isdisjoint(text) and unicodedata.is_normalized("NFC", text)))
    )


def _without_blank_ends(text: str) -> str:
    """Trim spaces, line breaks and invisible characters; controls and damaged text stay, to be refused."""
    ends = [index for index, character in enumerate(text) if not _is_trimmed(character)]
    return text[ends[0] : ends[-1] + 1] if ends else ""


def _is_trimmed(character: str) -> bool:
    if character in DIRECTION_OVERRIDES:
        return False
    category = unicodedata.category(character)
    return category == "Zs" or character in "\t\r\n" or (category in {"Cf", "Lo", "So"} and is_invisible(character))


def refuse_invisible(text: str) -> None:
    """Raise ValidationError if the text has characters that can't be seen, or that only some fonts show."""
    if _is_plain(text) and any(map(str.isalnum, text)):
        return
    for position, character in enumerate(text, 1):
        if unicodedata.category(character) == "Co":
            raise _private_use_error(text)
        if is_invisible(character):
            raise ValidationError(
                _("Remove the invisible character at position %(position)d (%(code)s)."),
                params={"position": position, "code": code_point(character)},
            )
    if text and all(unicodedata.category(character)[0] in "ZCM" for character in text):
        raise ValidationError(_("Enter visible text."))


def show_invisible(text: str) -> str:
    """Return the text with its invisible characters as [U+200B]; line breaks and tabs stay."""
    return "".join(
        f"[{code_point(character)}]" if is_invisible(character) and character not in "\t\r\n" else character
        for character in text
    )


def is_invisible(character: str) -> bool:
    """True of controls, noncharacters and other characters that show nothing but spaces and what emoji need."""
    if character in ALLOWED_INVISIBLE:
        return False
    category = unicodedata.category(character)
    return (
        category in INVISIBLE_CATEGORIES
        or character in INKLESS
        or is_noncharacter(character)
        or (category == "Cn" and is_ignorable(character))
    )


def is_ignorable(character: str) -> bool:
    """True of unassigned code points that Unicode reserves for characters without a glyph."""
    return character == "\u2065" or "\ufff0" <= character <= "\ufff8" or "\U000e0000" <= character <= "\U000e0fff"


def code_point(character: str) -> str:
    """Return the code point as U+200B."""
    return f"U+{ord(character):04X}"


def _private_use_error(text: str) -> ValidationError:
    """Return the error for the first private-use character, naming its replacement if there is one.

    Windows once kept 80 hanzi and radicals such as 䶮 at U+E815 to U+E864 (GB 18030 FE50 to FEA0), which have code
    points of their own today.
    """
    character = next(each for each in text if unicodedata.category(each) == "Co")
    params = {"sign": code_point(character), "real": ""}
    if 0 <= (index := ord(character) - 0xE815) < 80:
        real = bytes((0xFE, 0x50 + index + (index > 0x2E))).decode("gb18030")
        params["real"] = real if real.isprintable() else ""
    if params["real"]:
        return ValidationError(_("Replace %(sign)s with “%(real)s”. Only some fonts can show %(sign)s."), params=params)
    return ValidationError(_("Replace the character %(sign)s. Only some fonts or programs can show it."), params=params)


def is_noncharacter(character: str) -> bool:
    """True for the 66 code points that Unicode will never assign (section 23.7); workbooks can't hold some of them."""
    return ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF


def refuse_longer(text: str, limit: int) -> str:
    if len(text) > limit:
        raise ValidationError(
            _("Use at most %(limit)d characters. This has %(length)d."),
            params={"limit": limit, "length": len(text)},
        )
    return text
