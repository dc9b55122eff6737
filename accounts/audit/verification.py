"""Verify audit chains, without repairing anything.

The verification finds any change that is made without a key, even by the owner of the database. Who restores an earlier
state of the events, the chain's row and the check's row together leaves a valid chain: the heads in the process log
reveal that (`manage.py check_audit --head`).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_noop

from accounts.audit.chain import first_wrong_end
from accounts.audit.keys import keyring
from accounts.audit.ranges import Range, is_within, merge_ranges, parse_ranges
from accounts.audit.recording import ERASED, OPENED, event_digest, personal_digest
from accounts.models import AuditChain, AuditEvent, Enterprise

MISSING, CHANGED = gettext_noop("it is missing"), gettext_noop("its content was changed")
ANOTHER_END = gettext_noop("the end of the log doesn't match its record")
CHUNK = 2000


@dataclass(frozen=True)
class BrokenLink:
    """The first broken event of a chain. `why` is a msgid."""

    enterprise_id: int
    number: int
    why: str

    def __str__(self) -> str:
        return f"enterprise {self.enterprise_id}, event {self.number}: {self.why}"


class EventVerifier:
    """Verify events of one enterprise. Reads the database only for erased events, and once for many of them."""

    def __init__(self, enterprise_id: int) -> None:
        self.enterprise_id = enterprise_id
        self._keys = keyring()
        # The events whose erasure is recorded, as far as it has been read.
        self._erased: list[Range] = []

    def is_sound(self, event: AuditEvent) -> bool:
        """True if the event itself is as it was written, whatever precedes it."""
        return not self.why_broken(event, event.number, event.previous)

    def why_broken(self, event: AuditEvent, number: int, previous: str) -> str:
        """Return why the event is not valid as `number` after the digest `previous`, or ""."""
        if event.number != number:
            return MISSING
        if event.key_id not in self._keys.keys:
            return gettext_noop("it was written with a key that isn't configured")
        if event.previous != previous:
            return gettext_noop("it doesn't follow the previous event")
        if event.digest != event_digest(event, self._keys):
            return CHANGED
        if event.personal is None:
            return "" if self._is_erased(number) else gettext_noop("its personal part was erased without a record")
        if event.personal_digest != personal_digest(event.personal, self._keys, event.key_id):
            return gettext_noop("its personal part was changed")
        return ""

    def _is_erased(self, number: int) -> bool:
        """True if an event records that this one was erased."""
        if not is_within(number, self._erased):
            # Read again for events that were erased meanwhile: each is committed together with its record.
            self._erased = self._recorded_erasures()
        return is_within(number, self._erased)

    def _recorded_erasures(self) -> list[Range]:
        events = AuditEvent.objects.filter(enterprise=self.enterprise_id, action=ERASED).order_by("number")
        recorded = [event.erased for event in events.iterator() if self._is_signed(event)]
        return merge_ranges(each for text in recorded for each in parse_ranges(text))

    def _is_signed(self, event: AuditEvent) -> bool:
        return event.key_id in self._keys.keys and event.digest == event_digest(event, self._keys)


def verify_chain(enterprise_id: int) -> BrokenLink | None:
    """Verify a chain from the first event to the end stored in its AuditChain. The caller locks the chain."""
    chain = AuditChain.objects.filter(enterprise_id=enterprise_id).first()
    verifier, until = EventVerifier(enterprise_id), expected_length(chain)
    number, head, broken = 0, "", None
    while number < until and not broken:
        number, head, broken = verify_chunk(verifier, number, head, until=until, limit=CHUNK)
    return broken or verify_end(enterprise_id, number, head)


def verify_chunk(
    verifier: EventVerifier, number: int, head: str, *, until: int, limit: int
) -> tuple[int, str, BrokenLink | None]:
    """Verify up to `limit` events after event `number`, whose digest is `head`, and none beyond `until`.

    Return the number and digest of the last valid event, and the broken link after it, if any.
    """
    enterprise_id = verifier.enterprise_id
    events = AuditEvent.objects.filter(enterprise_id=enterprise_id, number__lte=until).order_by("number")
    events = events.filter(number__gt=number) if number else events
    last = min(until, number + limit)
    for event in events[:limit]:
        why = verifier.why_broken(event, number + 1, head)
        if number == 0 and event.action != OPENED:
            why = why or gettext_noop("it isn't the creation of the enterprise")
        if why:
            return number, head, BrokenLink(enterprise_id, number + 1, why)
        number, head = event.number, event.digest
    return number, head, BrokenLink(enterprise_id, number + 1, MISSING) if number < last else None


def verify_end(enterprise_id: int, number: int, head: str) -> BrokenLink | None:
    """Verify the chain's row and last event. Event `number`, with the digest `head`, was verified already.

    The chain may have been extended since, but not cut.
    """
    # Before the chain's row: each event is committed together with the row that includes it.
    last = AuditEvent.objects.filter(enterprise_id=enterprise_id).order_by("-number").first()
    chain = AuditChain.objects.filter(enterprise_id=enterprise_id).first()
    if last is None or last.number < number:
        return BrokenLink(enterprise_id, last.number + 1 if last else 1, MISSING)
    if last.number == number and last.digest != head:
        return BrokenLink(enterprise_id, number, CHANGED)
    wrong = _wrong_end(chain, number, head, last.number)
    return None if wrong is None else BrokenLink(enterprise_id, wrong + 1, ANOTHER_END)


def expected_length(chain: AuditChain | None) -> int:
    """Return how many events a chain must have: at least the opening of its enterprise."""
    return max(1, chain.length if chain else 0)


def last_numbers() -> dict[int, int]:
    """Return the number of the last event of each enterprise, 0 if it has none."""
    events = AuditEvent.objects.filter(enterprise=OuterRef("pk")).order_by("-number")
    last = Enterprise.objects.annotate(last=Subquery(events.values("number")[:1]))
    return {id: number or 0 for id, number in last.order_by("pk").values_list("pk", "last")}


def has_head(number: int, head: str) -> bool:
    """True if some enterprise's log holds event `number` with the digest `head`."""
    enterprises = Enterprise.objects.values("pk")
    return AuditEvent.objects.filter(enterprise__in=enterprises, number=number, digest=head).exists()


def _wrong_end(chain: AuditChain | None, number: int, head: str, last: int) -> int | None:
    """Return the length of an end that isn't signed or ends before `last`, the last event. None if all is right."""
    if chain is None:
        return 0
    if (wrong := first_wrong_end(chain)) is not None:
        return wrong
    is_other = chain.length == number and chain.head != head
    return chain.length if is_other or chain.length < last else None
