"""Suggest a mailbox prefix from the pinyin of an applicant's name, and limit how many addresses a number may check.

Without the limit the form could list all addresses of an enterprise (security.md 3.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import count, islice

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.counters import CounterFull, count_up, try_again_text
from directory.domains.addresses import PREFIX_MAX, clean_prefix
from directory.members.search_keys import keys_of
from directory.models import Domain
from invitations.applications.apply import ApplyLimited, is_available

HOUR_SECONDS = 3600
TRIES = 20


def count_prefix_check(phone: str) -> None:
    """Count a check by this verified number, before the result is shown. Raises ApplyLimited."""
    key = f"prefix:{hashlib.sha256(phone.encode()).hexdigest()}"
    try:
        count_up(key, seconds=HOUR_SECONDS, most=settings.PREFIX_CHECKS_PER_HOUR)
    except CounterFull as full:
        words, wait = _("You've tried too many addresses."), full.retry_after
        raise ApplyLimited(f"{words} {try_again_text(wait)}", wait) from None


def suggest_prefix(name: str, domain: Domain) -> str:
    """Return the first available of `zhangwei`, `zhangwei2`, …; "" if there is none within TRIES or no pinyin."""
    return next((prefix for prefix in islice(_candidates(name), TRIES) if is_available(prefix, domain)), "")


def _candidates(name: str) -> Iterator[str]:
    spelt = re.sub(r"[^a-z0-9]", "", keys_of(name, None).pinyin)[: PREFIX_MAX - 3]
    try:
        plain = clean_prefix(spelt)
    except ValidationError:
        return
    yield plain
    for number in count(2):
        yield f"{plain}{number}"
