"""The rules for names, positions and names of departments.

Each `clean_…` function returns the normalised text, or raises ValidationError with the message for its field.
"""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text_rules import clean_required, normalize_spaces, refuse_invisible, refuse_longer

NAME_MAX = 64
POSITION_MAX = 128
DEPARTMENT_NAME_MAX = 64
NO_NAME, NO_DEPARTMENT_NAME = gettext_lazy("Enter the name."), gettext_lazy("Enter the department's name.")
DEPARTMENT_NAME_REFUSED = '\\/:*?"<>|;；'


def clean_name(text: str) -> str:
    return clean_required(text, NAME_MAX, missing=NO_NAME)


def clean_position(text: str) -> str:
    position = normalize_spaces(text)
    refuse_invisible(position)
    return refuse_longer(position, POSITION_MAX)


def clean_department_name(text: str) -> str:
    """Refuse the characters that separate departments in the path of a workbook."""
    name = clean_required(text, DEPARTMENT_NAME_MAX, missing=NO_DEPARTMENT_NAME)
    refused = sorted(set(name) & set(DEPARTMENT_NAME_REFUSED))
    if refused:
        raise ValidationError(_("The name can't contain %(signs)s.") % {"signs": " ".join(refused)})
    return name
