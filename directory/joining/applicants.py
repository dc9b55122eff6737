"""The phone numbers of people who have applied to join and are still waiting. A later app knows the applications."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.registry import Registry

ApplicantLookup = Callable[[int], Collection[str]]
_lookup: Registry[ApplicantLookup] = Registry("lookup of applicants")


def register_applicant_lookup(lookup: ApplicantLookup) -> None:
    """Find applicants with `lookup`, which takes an enterprise's id and returns phone numbers in E.164."""
    _lookup.register(lookup)


def applicant_phones(enterprise: int) -> Collection[str]:
    """Return the numbers (E.164) with a pending application in the enterprise with this id, by one statement."""
    return _lookup.single()(enterprise)
