"""Verify audit chains, without repairing anything."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from django.utils.translation import gettext_noop

from accounts.audit.recording import digest, personal_digest
from accounts.models import AuditChain, AuditEvent, Enterprise

ANOTHER_END = gettext_noop("the end of the log doesn't match its record")


@dataclass(frozen=True)
class BrokenLink:
    """The first broken event of a chain. `why` is a msgid."""

    enterprise_id: int
    number: int
    why: str

    def __str__(self) -> str:
        return f"enterprise {self.enterprise_id}, event {self.number}: {self.why}"


def verify_chain(enterprise_id: int) -> BrokenLink | None:
    """Verify a chain from the first event to the end stored in its AuditChain."""
    number, head = 0, ""
    for event in AuditEvent.objects.filter(enterprise_id=enterprise_id).order_by("number").iterator():
        if why := why_broken(event, number + 1, head):
            return BrokenLink(enterprise_id, number + 1, why)
        number, head = event.number, event.digest
    chain = AuditChain.objects.filter(enterprise_id=enterprise_id).first()
    length, end = (chain.length, chain.head) if chain else (0, "")
    if (length, end) != (number, head):
        return BrokenLink(enterprise_id, number + 1, ANOTHER_END)
    return None


def verify_chunk(
    enterprise_id: int, number: int, head: str, *, until: int, limit: int
) -> tuple[int, str, BrokenLink | None]:
    """Verify up to `limit` events after event `number`, whose digest is `head`, and none beyond `until`.

    Return the number and digest of the last valid event, and the broken link after it, if any.
    """
    events = AuditEvent.objects.filter(enterprise_id=enterprise_id, number__lte=until).order_by("number")
    events = events.filter(number__gt=number) if number else events
    last = min(until, number + limit)
    for event in events[:limit]:
        if why := why_broken(event, number + 1, head):
            return number, head, BrokenLink(enterprise_id, number + 1, why)
        number, head = event.number, event.digest
    missing = BrokenLink(enterprise_id, number + 1, gettext_noop("it is missing")) if number < last else None
    return number, head, missing


def is_sound(event: AuditEvent) -> bool:
    """True if the event itself is as it was written, whatever precedes it."""
    return not why_broken(event, event.number, event.previous)


def enterprises_with_chains() -> list[int]:
    return list(Enterprise.objects.order_by("pk").values_list("pk", flat=True))


def why_broken(event: AuditEvent, number: int, previous: str) -> str:
    """Return why the event is not valid as `number` after the digest `previous`, or ""."""
    if event.number != number:
        return gettext_noop("it is missing")
    if not compare_digest(event.previous, previous):
        return gettext_noop("it doesn't follow the previous event")
    if not compare_digest(event.digest, digest(event)):
        return gettext_noop("its content was changed")
    if event.personal is not None and not compare_digest(event.personal_digest, personal_digest(event.personal)):
        return gettext_noop("its personal part was changed")
    return ""
