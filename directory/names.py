"""The rules for names, positions and names of departments.

Each `clean_…` function returns the normalised text, or raises ValidationError with the message for its field.
"""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text_rules import clean_required, normalize_spaces, refuse_invisible, refuse_longer

NAME_MAX = 64
POSITION_MAX = 128
DEPARTMENT_NAME_MAX = 64
NO_NAME, NO_DEPARTMENT_NAME = gettext_lazy("Enter the name."), gettext_lazy("Enter the department's name.")
DEPARTMENT_NAME_REFUSED = '\\/:*?"<>|;；'
_HANZI = "[〇々\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
# Blanks between two or three hanzi only align a column of names.
_SPACED_OUT = re.compile(f"{_HANZI} {_HANZI}|{_HANZI} ?{_HANZI} ?{_HANZI}")


def clean_name(text: str) -> str:
    name = clean_required(text, NAME_MAX, missing=NO_NAME)
    return name.replace(" ", "") if " " in name and _SPACED_OUT.fullmatch(name) else name


def clean_position(text: str) -> str:
    """Replace line breaks by a blank: lists and the cells of an export show one line."""
    position = normalize_spaces(" ".join(text.split()))
    refuse_invisible(position)
    return refuse_longer(position, POSITION_MAX)


def clean_department_name(text: str) -> str:
    """Refuse the characters that separate departments in the path of a workbook."""
    name = clean_required(text, DEPARTMENT_NAME_MAX, missing=NO_DEPARTMENT_NAME)
    refused = sorted(set(name) & set(DEPARTMENT_NAME_REFUSED))
    if refused:
        raise ValidationError(_("The name can't contain %(signs)s."), params={"signs": " ".join(refused)})
    return name
