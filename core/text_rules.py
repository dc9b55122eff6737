"""Validation of names; the rules of each kind of name build on these."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

ENTERPRISE_NAME_MAX = 64
# Control characters, lone surrogates, line and paragraph separators.
CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
NO_NAME = gettext_lazy("Enter the enterprise's name.")

# Zero-width joiner and variation selectors, which emoji need; other invisible characters only deceive.
ALLOWED_INVISIBLE = "\u200d\ufe0e\ufe0f"


def clean_enterprise_name(text: str) -> str:
    return clean_required(text, ENTERPRISE_NAME_MAX, missing=NO_NAME)


def clean_required(text: str, limit: int, *, missing: Any) -> str:
    """Return the normalized text. Raises ValidationError: with `missing` if it is blank, or if it may not be used."""
    normalized = normalize_spaces(text)
    if not normalized:
        raise ValidationError(missing)
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
    """Return the text in NFC, trimmed, with runs of spaces collapsed; line breaks and controls inside it stay."""
    # True of nearly every name, and ten times as fast: an import calls this twice a row.
    if text and text.isprintable() and "  " not in text and unicodedata.is_normalized("NFC", text):
        return text.strip()
    return re.sub(r"[^\S\n\r\t\v\f\x1c-\x1f\x85]+", " ", unicodedata.normalize("NFC", text or "")).strip(" \t\r\n")


def refuse_invisible(text: str) -> None:
    """Raise ValidationError if the text has characters that can't be seen, or that only some fonts show."""
    if text.isprintable() and any(map(str.isalnum, text)):
        return
    categories = set(map(unicodedata.category, text))
    if "Co" in categories:
        raise _private_use_error(text)
    if categories & CONTROLS or any(map(is_noncharacter, text)):
        raise ValidationError(_("Remove the invisible control characters."))
    if "Cf" in map(unicodedata.category, set(text) - set(ALLOWED_INVISIBLE)):
        raise ValidationError(_("Remove the invisible or direction-changing characters."))
    if text and all(category[0] in "ZCM" for category in categories):
        raise ValidationError(_("Enter visible text."))


def _private_use_error(text: str) -> ValidationError:
    """Return the error for the first private-use character, naming its replacement if there is one.

    Windows once kept 80 hanzi and radicals such as 䶮 at U+E815 to U+E864 (GB 18030 FE50 to FEA0), which have code
    points of their own today.
    """
    character = next(each for each in text if unicodedata.category(each) == "Co")
    params = {"sign": f"U+{ord(character):04X}", "real": ""}
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
