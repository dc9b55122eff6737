"""The end of an enterprise's chain, which is signed so that nobody can cut the log and move the end back.

An end whose signature is wrong can still be extended, because people go on working. Its values are then kept in the
next end, so that extending a cut log doesn't make it whole. The signature of an end that was kept while its key was
not configured is valid again as soon as the key is.
"""

from __future__ import annotations

from typing import Any

from accounts.audit.keys import canonical_json, keyring
from accounts.models import AuditChain, Enterprise


def lock_chain(enterprise: Enterprise) -> AuditChain:
    """Lock the enterprise's chain until the transaction ends."""
    return AuditChain.objects.select_for_update().get_or_create(enterprise=enterprise)[0]


def extend_chain(chain: AuditChain, *, length: int, head: str) -> None:
    """Save a new end of the locked chain. An end that can't be verified is kept."""
    if chain.length and not is_signed(chain):
        chain.earlier_end = _values(chain) | {"mac": chain.mac}
    chain.length, chain.head, chain.key_id = length, head, keyring().current
    chain.mac = keyring().sign(canonical_json(_values(chain)))
    chain.save(update_fields=["length", "head", "earlier_end", "key_id", "mac"])


def is_signed(chain: AuditChain) -> bool:
    """True if the row is as `extend_chain` saved it."""
    return keyring().is_signature(chain.mac, canonical_json(_values(chain)), chain.key_id)


def first_wrong_end(chain: AuditChain) -> int | None:
    """Return the length of the chain's latest end whose signature is wrong; None if all are right."""
    end = _values(chain) | {"mac": chain.mac}
    while end:
        signed = canonical_json({name: value for name, value in end.items() if name != "mac"})
        if not keyring().is_signature(end["mac"], signed, end["key_id"]):
            return int(end["length"])
        end = end["earlier_end"]
    return None


def _values(chain: AuditChain) -> dict[str, Any]:
    """Return what the signature covers."""
    return {
        "enterprise": chain.enterprise_id,
        "length": chain.length,
        "head": chain.head,
        "key_id": chain.key_id,
        "earlier_end": chain.earlier_end,
    }
