"""Validate and change passwords."""

from __future__ import annotations

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import ngettext

from accounts.audit.person import recording_person
from accounts.audit.recording import Actor
from accounts.models import Enterprise, User
from accounts.sign_in.sessions import end_sessions


class LongEnoughValidator(MinimumLengthValidator):
    """Django's validator with a message of our own, because its Chinese translation is missing."""

    def get_error_message(self) -> str:
        text = ngettext(
            "Too short. Use at least %(n)d character.",
            "Too short. Use at least %(n)d characters.",
            self.min_length,
        )
        return text % {"n": self.min_length}


def change_password(
    user: User, *, password: str, by: Actor, enterprise: Enterprise | None, keep_session: str | None
) -> None:
    """Change the user's password, and end other sessions. Raise HashersBusy."""
    user.set_password(password)
    with recording_person(user, by=by, enterprise=enterprise) as record:
        user.save(update_fields=["password"])
        end_sessions(user, except_key=keep_session)
        record("password_changed")
