"""Does the audit log still say what was written? Nothing is repaired here."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from accounts.audit import digest, personal_digest
from accounts.models import AuditChain, AuditEvent, Enterprise


@dataclass(frozen=True)
class BrokenLink:
    """The first event of an enterprise's chain that is not as it was written."""

    enterprise_id: int
    number: int
    why: str

    def __str__(self) -> str:
        return f"enterprise {self.enterprise_id}, event {self.number}: {self.why}"


def check_chain(enterprise_id: int) -> BrokenLink | None:
    """Follow one enterprise's chain from the first event to the end its AuditChain row tells."""
    number, head = 0, ""
    for event in AuditEvent.objects.filter(enterprise_id=enterprise_id).order_by("number").iterator():
        if why := _why_broken(event, number + 1, head):
            return BrokenLink(enterprise_id, number + 1, why)
        number, head = event.number, event.digest
    chain = AuditChain.objects.filter(enterprise_id=enterprise_id).first()
    length, end = (chain.length, chain.head) if chain else (0, "")
    if (length, end) != (number, head):
        return BrokenLink(enterprise_id, number + 1, f"the chain's row tells of {length} events and another end")
    return None


def enterprises_with_chains() -> list[int]:
    return list(Enterprise.objects.order_by("pk").values_list("pk", flat=True))


def _why_broken(event: AuditEvent, number: int, previous: str) -> str:
    if event.number != number:
        return f"missing, {event.number} follows"
    if not compare_digest(event.previous, previous):
        return "does not follow the event before it"
    if not compare_digest(event.digest, digest(event)):
        return "its columns were changed"
    if event.personal is not None and not compare_digest(event.personal_digest, personal_digest(event.personal)):
        return "its personal part was changed"
    return ""
