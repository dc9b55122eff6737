"""What may be written where a name, a position or a department's name belongs; one rule for every door.

Each `clean_…` takes what was typed and returns what is kept, or raises ValidationError with the message for its field.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

NAME_MAX = 64
POSITION_MAX = 128
DEPARTMENT_NAME_MAX = 64
DEPARTMENT_NAME_REFUSED = '\\/:*?"<>|;；'

# Zero-width joiner and variation selectors hold emoji together; all else that is invisible only deceives.
VISIBLE_AFTER_ALL = "\u200d\ufe0e\ufe0f"


def clean_name(text: str) -> str:
    name = _squeeze(text)
    if not name:
        raise ValidationError(_("Enter the name."))
    _refuse_invisible(name)
    return _refuse_longer(name, NAME_MAX)


def clean_position(text: str) -> str:
    position = _squeeze(text)
    _refuse_invisible(position)
    return _refuse_longer(position, POSITION_MAX)


def clean_department_name(text: str) -> str:
    """Without the signs that part departments in a workbook's path."""
    name = _squeeze(text)
    if not name:
        raise ValidationError(_("Enter the department's name."))
    _refuse_invisible(name)
    refused = sorted(set(name) & set(DEPARTMENT_NAME_REFUSED))
    if refused:
        raise ValidationError(_("The name must not contain %(signs)s.") % {"signs": " ".join(refused)})
    return _refuse_longer(name, DEPARTMENT_NAME_MAX)


def _squeeze(text: str) -> str:
    return re.sub(r"[^\S\n\r\t\v\f\x1c-\x1f\x85]+", " ", unicodedata.normalize("NFC", text or "")).strip(" \t\r\n")


def _refuse_invisible(text: str) -> None:
    if any(unicodedata.category(sign) in {"Cc", "Cs", "Co", "Zl", "Zp"} for sign in text):
        raise ValidationError(_("Remove the control characters: they can't be seen."))
    if any(unicodedata.category(sign) == "Cf" and sign not in VISIBLE_AFTER_ALL for sign in text):
        raise ValidationError(_("Remove the invisible or direction-changing characters."))
    if not any(unicodedata.category(sign)[0] not in "ZCM" for sign in text) and text:
        raise ValidationError(_("Enter something that can be seen."))


def _refuse_longer(text: str, limit: int) -> str:
    if len(text) > limit:
        raise ValidationError(
            _("At most %(limit)d characters; this has %(length)d.") % {"limit": limit, "length": len(text)}
        )
    return text
