"""People who have applied to join and are still waiting. A later app knows the applications."""

from __future__ import annotations

from collections.abc import Callable, Collection

from accounts.models import Role
from core.registry import Registry

PhoneLookup = Callable[[int], Collection[str]]
AddressLookup = Callable[[Role, Collection[int]], Collection[int]]
_phones: Registry[PhoneLookup] = Registry("lookup of applicants' phones")
_addresses: Registry[AddressLookup] = Registry("lookup of the addresses applied for")


def register_applicant_lookups(phones: PhoneLookup, addresses: AddressLookup) -> None:
    """Provide `applicant_phones` and `addresses_applied_for`."""
    _phones.register(phones)
    _addresses.register(addresses)


def applicant_phones(enterprise: int) -> Collection[str]:
    """Return the numbers (E.164) with a pending application in the enterprise with this id, by one statement."""
    return _phones.single()(enterprise)


def addresses_applied_for(role: Role, ids: Collection[int]) -> Collection[int]:
    """Return those of these addresses for which somebody whom the role may reach has applied."""
    return _addresses.single()(role, ids)
