"""Proof of work before further anonymous codes are sent: one to sixteen seconds for a person, costly for a flood.

Each limit demands it for itself (docs/limits.md, L6 to L9), regardless of whether the number is in the directory, so
that it doesn't reveal that. A challenge is signed and not stored; a used challenge is stored until it expires, so that
it counts once. It keeps the difficulty it was issued with: its lifetime is one doubling.

The answer is one number per part such that SHA-256 of "challenge|part|number" begins with `bits` zero bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _

from core.counters import seconds_until
from sms.codes.limits import CodeLimited
from sms.models import PhoneCode, UsedChallenge

SALT = "sms.codes.proof_of_work"


@dataclass(frozen=True)
class Demand:
    """The work that one more code takes: the basic work doubled so often. Without it, wait until `until`."""

    doublings: int
    until: datetime


@dataclass(frozen=True)
class Challenge:
    """A challenge for the page's script: `parts` hashes with `bits` leading zero bits each."""

    text: str
    parts: int
    bits: int


class ProofRequired(CodeLimited):
    """A limit that an answer to `challenge` lifts."""

    def __init__(self, text: str, retry_after: int, challenge: Challenge) -> None:
        super().__init__(text, retry_after)
        self.challenge = challenge


def demand_until(moment: datetime) -> Demand | None:
    """Return a demand for the basic work if `moment` is to come."""
    return Demand(0, moment) if moment > timezone.now() else None


def hardest(demands: Iterable[Demand | None]) -> Demand | None:
    """Return the demand that satisfies all of these."""
    made = [demand for demand in demands if demand]
    if not made:
        return None
    return Demand(max(demand.doublings for demand in made), max(demand.until for demand in made))


def challenge_of(limit: CodeLimited) -> Challenge | None:
    """Return the challenge whose answer lifts the limit, if any does."""
    return limit.challenge if isinstance(limit, ProofRequired) else None


def require_proof(code: PhoneCode, answer: str, demand: Demand) -> None:
    """Check and consume the proof of work, in the transaction that sends the code.

    Raise ProofRequired if `answer` is missing, CodeLimited if it is wrong: a script must not retry that forever.
    """
    text, retry_after = _("Too many codes are being requested right now. Try again later."), seconds_until(demand.until)
    if not answer:
        raise ProofRequired(text, retry_after, new_challenge(code, doublings=demand.doublings))
    if not _spend(code, answer):
        raise CodeLimited(text, retry_after)


def new_challenge(code: PhoneCode, *, doublings: int = 0) -> Challenge:
    """Return a challenge bound to the code's browser, purpose and subject, valid for SMS_WORK_SECONDS."""
    parts, bits = settings.SMS_WORK_PARTS, settings.SMS_WORK_BITS + doublings
    claims = [secrets.token_urlsafe(12), parts, bits, *_binding(code)]
    return Challenge(signing.dumps(claims, salt=SALT), parts, bits)


def delete_expired_challenges() -> None:
    oldest = timezone.now() - timedelta(seconds=settings.SMS_WORK_SECONDS)
    UsedChallenge.objects.filter(spent_at__lt=oldest).delete()


def _spend(code: PhoneCode, answer: str) -> bool:
    """True if `answer` ("challenge|number,number…") is right and its challenge was not used before."""
    text, _bar, numbers = answer.partition("|")
    try:
        nonce, parts, bits, *binding = signing.loads(text, salt=SALT, max_age=settings.SMS_WORK_SECONDS)
    except signing.BadSignature:
        return False
    if binding != _binding(code) or not _is_solved(text, parts, bits, numbers):
        return False
    return UsedChallenge.objects.get_or_create(nonce=nonce, defaults={"spent_at": timezone.now()})[1]


def _is_solved(text: str, parts: int, bits: int, numbers: str) -> bool:
    found = numbers.split(",", parts)
    if len(found) != parts or not all(re.fullmatch(r"\d{1,10}", number, re.ASCII) for number in found):
        return False
    return all(_zero_bits(f"{text}|{part}|{number}") >= bits for part, number in enumerate(found))


def _zero_bits(text: str) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    return len(digest) * 8 - int.from_bytes(digest).bit_length()


def _binding(code: PhoneCode) -> list[Any]:
    return [code.browser, code.purpose, code.subject]
