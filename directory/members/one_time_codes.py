"""Pass a new activation code to the page that shows it once: encrypted in the session, deleted when it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from core.encryption import DecryptionFailed, decrypt, encrypt
from directory.models import Member

KEY = "issued_code"


@dataclass(frozen=True)
class IssuedCode:
    """A new code, and the id and name of its member."""

    member: str
    name: str
    code: str

    @property
    def url(self) -> str:
        """The address where the code is entered."""
        return f"{settings.PUBLIC_URL}/i/"


def remember_issued_code(request: HttpRequest, member: Member, code: str) -> None:
    request.session[KEY] = encrypt({"member": str(member.pk), "name": member.name, "code": code})


def take_issued_code(request: HttpRequest, member: Member | None = None) -> IssuedCode | None:
    """Return the code that was just issued (to `member`, if given) and delete it from the session."""
    if request.method != "GET" or KEY not in request.session:
        return None
    try:
        issued = IssuedCode(**decrypt(request.session[KEY]))
    except DecryptionFailed:
        issued = None
    if issued and member and issued.member != str(member.pk):
        return None
    del request.session[KEY]
    return issued
