"""What a password must be beyond Django's own rules, in words that exist in both languages."""

from __future__ import annotations

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import ngettext


class LongEnoughValidator(MinimumLengthValidator):
    """Django's own, whose refusal its Chinese catalogue lacks."""

    def get_error_message(self) -> str:
        text = ngettext(
            "Too short: a password has at least %(n)d character.",
            "Too short: a password has at least %(n)d characters.",
            self.min_length,
        )
        return text % {"n": self.min_length}
