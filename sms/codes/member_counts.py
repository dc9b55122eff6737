"""The number of members, which sets the budgets of codes; `directory` registers how to count them."""

from __future__ import annotations

from collections.abc import Callable

from core.registry import Registry

MemberCounter = Callable[[int | None], int]
_counter: Registry[MemberCounter] = Registry("member counter")


def register_member_counter(counter: MemberCounter) -> None:
    """Count members with `counter`, which takes an enterprise's id, or None for all enterprises together."""
    _counter.register(counter)


def count_members(enterprise: int | None) -> int:
    """Return the number of members of the enterprise with this id, or of all (None)."""
    return _counter.single()(enterprise)
