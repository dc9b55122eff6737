"""The mailbox prefix an applicant is offered: from the name's pinyin, and free at this moment.

Names of mailboxes are half public, but nobody shall read the list off this form: whether one is free is told
PREFIX_CHECKS_PER_HOUR times to a proven phone (security.md 3.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import count

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.counters import CounterFull, count_up
from directory.domains.addresses import PREFIX_MAX, clean_prefix
from directory.members.search_keys import keys_of
from directory.models import Domain
from invitations.applications.apply import ApplyLimited, is_available

HOUR_SECONDS = 3600
TRIES = 20


def count_prefix_check(phone: str) -> None:
    """Count one answer to this proven phone, before it is given. Raises ApplyLimited."""
    key = f"prefix:{hashlib.sha256(phone.encode()).hexdigest()}"
    try:
        count_up(key, seconds=HOUR_SECONDS, most=settings.PREFIX_CHECKS_PER_HOUR)
    except CounterFull as full:
        raise ApplyLimited(_("You have tried many addresses. Please go on in an hour."), full.retry_after) from None


def suggest_prefix(name: str, domain: Domain) -> str:
    """The first free of `zhangwei`, `zhangwei2` …; "" where the name has nothing to spell."""
    for tried, prefix in enumerate(_spellings(name)):
        if tried == TRIES:
            break
        if is_available(prefix, domain):
            return prefix
    return ""


def _spellings(name: str) -> Iterator[str]:
    spelt = re.sub(r"[^a-z0-9]", "", keys_of(name, None).pinyin)[: PREFIX_MAX - 3]
    try:
        plain = clean_prefix(spelt)
    except ValidationError:
        return
    yield plain
    for number in count(2):
        yield f"{plain}{number}"
