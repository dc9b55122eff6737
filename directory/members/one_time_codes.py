"""An activation code on its way to the one page that shows it: sealed in the session, gone once it was shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from core.encryption import DecryptionFailed, decrypt, encrypt
from directory.models import Member

KEY = "minted_code"


@dataclass(frozen=True)
class Minted:
    """A code just made and whose it is."""

    member: str
    name: str
    code: str

    @property
    def url(self) -> str:
        """Where it is entered."""
        return f"{settings.PUBLIC_URL}/i/"


def remember_minted(request: HttpRequest, member: Member, code: str) -> None:
    request.session[KEY] = encrypt({"member": str(member.pk), "name": member.name, "code": code})


def minted_once(request: HttpRequest, member: Member | None = None) -> Minted | None:
    """The code made just now, of `member` if one is named; nobody gets it a second time."""
    if request.method != "GET" or KEY not in request.session:
        return None
    try:
        minted = Minted(**decrypt(request.session[KEY]))
    except DecryptionFailed:
        minted = None
    if minted and member and minted.member != str(member.pk):
        return None
    del request.session[KEY]
    return minted
