"""Work that a browser does before more codes go to strangers: a second for a person, for a flood it adds up.

It is asked for where an address has had its share of codes, and everywhere while hardly any code is entered
(sms.codes.alarms). Whether a number is in the directory makes no difference, else who asks would learn it. A challenge
is signed and kept nowhere; what was proven is kept until its challenge is over, and so counts once.

The answer to a challenge is one number for each of its parts, such that SHA-256 of "challenge|part|number" begins with
so many zero bits. Several small parts take about the same time each time; one large one may take five times as long.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _

from sms.codes.alarms import is_conversion_poor
from sms.codes.limits import CodeLimited, strangers_nearby
from sms.models import PhoneCode, UsedChallenge

SALT = "sms.codes.proof_of_work"


@dataclass(frozen=True)
class Challenge:
    """What a page hands to its script. `bits`: zero bits of each part."""

    text: str
    parts: int
    bits: int


class ProofRequired(CodeLimited):
    """No code was sent, but one is for who answers `challenge`. To whom can't, it is a limit like any other."""

    def __init__(self, text: str, retry_after: int, challenge: Challenge) -> None:
        super().__init__(text, retry_after)
        self.challenge = challenge


def require_work(code: PhoneCode, answer: str) -> None:
    """In the transaction that sends the code: what was proven is spent with it, or not at all.

    Raises ProofRequired if work is needed and none is brought; CodeLimited if what is brought is wrong, which a script
    must not answer by trying for ever.
    """
    if strangers_nearby(code).count() < settings.SMS_STRANGERS_PER_ADDRESS and not is_conversion_poor():
        return
    words = _("Too many codes were asked for from here. Try again later.")
    if not answer:
        raise ProofRequired(words, settings.SMS_WINDOW_SECONDS, new_challenge(code))
    if not _spend(code, answer):
        raise CodeLimited(words, settings.SMS_WINDOW_SECONDS)


def new_challenge(code: PhoneCode) -> Challenge:
    """For this browser, purpose and subject, and SMS_WORK_SECONDS."""
    parts, bits = settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS
    said = [secrets.token_urlsafe(12), parts, bits, *_place(code)]
    return Challenge(signing.dumps(said, salt=SALT), parts, bits)


def purge_work() -> None:
    """Forget what was proven for challenges that are over."""
    over = timezone.now() - timedelta(seconds=settings.SMS_WORK_SECONDS)
    UsedChallenge.objects.filter(spent_at__lt=over).delete()


def _spend(code: PhoneCode, answer: str) -> bool:
    """Whether `answer` ("challenge|number,number…") is right, and nobody has used it before."""
    text, _bar, numbers = answer.partition("|")
    try:
        nonce, parts, bits, *place = signing.loads(text, salt=SALT, max_age=settings.SMS_WORK_SECONDS)
    except signing.BadSignature:
        return False
    if place != _place(code) or not _is_done(text, parts, bits, numbers):
        return False
    return UsedChallenge.objects.get_or_create(nonce=nonce, defaults={"spent_at": timezone.now()})[1]


def _is_done(text: str, parts: int, bits: int, numbers: str) -> bool:
    found = numbers.split(",", parts)
    if len(found) != parts or not all(re.fullmatch(r"\d{1,10}", number, re.ASCII) for number in found):
        return False
    return all(_zero_bits(f"{text}|{part}|{number}") >= bits for part, number in enumerate(found))


def _zero_bits(text: str) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    return len(digest) * 8 - int.from_bytes(digest).bit_length()


def _place(code: PhoneCode) -> list[Any]:
    return [code.browser, code.purpose, code.subject]
