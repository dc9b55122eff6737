"""What may be written where something is named; the rules of each thing's own name build on these."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

ENTERPRISE_NAME_MAX = 64
NO_NAME = gettext_lazy("Enter the enterprise's name.")

# Zero-width joiner and variation selectors hold emoji together; all else that is invisible only deceives.
VISIBLE_AFTER_ALL = "\u200d\ufe0e\ufe0f"


def clean_enterprise_name(text: str) -> str:
    return clean_required(text, ENTERPRISE_NAME_MAX, missing=NO_NAME)


def clean_required(text: str, limit: int, *, missing: Any) -> str:
    """What is kept of what was typed. Raises ValidationError with the message for the field; `missing`, lazy or not,
    where nothing is left of it."""
    kept = squeeze(text)
    if not kept:
        raise ValidationError(missing)
    refuse_invisible(kept)
    return refuse_longer(kept, limit)


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


def squeeze(text: str) -> str:
    # Nearly every name, ten times as fast: an import asks twice a row.
    if text and text.isprintable() and "  " not in text and unicodedata.is_normalized("NFC", text):
        return text.strip()
    return re.sub(r"[^\S\n\r\t\v\f\x1c-\x1f\x85]+", " ", unicodedata.normalize("NFC", text or "")).strip(" \t\r\n")


def refuse_invisible(text: str) -> None:
    if text.isprintable() and any(map(str.isalnum, text)):
        return
    if private := next((sign for sign in text if unicodedata.category(sign) == "Co"), ""):
        raise _private_sign(private)
    if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} or is_no_character(sign) for sign in text):
        raise ValidationError(_("Remove the control characters: they can't be seen."))
    if any(unicodedata.category(sign) == "Cf" and sign not in VISIBLE_AFTER_ALL for sign in text):
        raise ValidationError(_("Remove the invisible or direction-changing characters."))
    if not any(unicodedata.category(sign)[0] not in "ZCM" for sign in text) and text:
        raise ValidationError(_("Enter something that can be seen."))


def _private_sign(sign: str) -> ValidationError:
    """Of one that only a certain font shows. Windows once kept 80 hanzi and radicals at U+E815 to U+E864 (GB 18030
    FE50 to FEA0), 䶮 among them, which have their own places now."""
    params = {"sign": f"U+{ord(sign):04X}", "real": ""}
    if 0 <= (place := ord(sign) - 0xE815) < 80:
        real = bytes((0xFE, 0x50 + place + (place > 0x2E))).decode("gb18030")
        params["real"] = real if real.isprintable() else ""
    if params["real"]:
        return ValidationError(_("Write “%(real)s” for %(sign)s, which only some fonts show."), params=params)
    return ValidationError(_("Replace the character %(sign)s: only one font or program shows it."), params=params)


def is_no_character(sign: str) -> bool:
    """One of the 66 that Unicode will never assign (section 23.7); no workbook can hold U+FFFE and U+FFFF."""
    return ord(sign) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(sign) <= 0xFDEF


def refuse_longer(text: str, limit: int) -> str:
    if len(text) > limit:
        raise ValidationError(
            _("At most %(limit)d characters; this has %(length)d."),
            params={"limit": limit, "length": len(text)},
        )
    return text
